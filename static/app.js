// Small helps for pages that work without them.
(() => {
	"use strict";
	const one = (selector) => document.querySelector(selector);

	// After a form came back, the summary of what is wrong is read first.
	const summary = one("#error-summary");
	if (summary) summary.focus();

	// Copy buttons; on plain HTTP there is no clipboard but the old one.
	const copy = async (text) => {
		if (navigator.clipboard) return navigator.clipboard.writeText(text);
		const area = document.createElement("textarea");
		area.value = text;
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	};
	const showCopies = (root) => root.querySelectorAll("[data-copy][hidden]").forEach((b) => { b.hidden = false; });
	showCopies(document);
	document.addEventListener("swapped", (e) => showCopies(e.target));
	document.addEventListener("click", async (e) => {
		const button = e.target.closest("[data-copy]");
		if (!button) return;
		await copy(button.dataset.copy);
		const was = button.getAttribute("aria-label");
		button.setAttribute("aria-label", button.dataset.copied);
		button.title = button.dataset.copied;
		setTimeout(() => { button.setAttribute("aria-label", was); button.title = ""; }, 2000);
		button.focus();
	});

	// A select that is to act at once, as its button would.
	document.addEventListener("change", (e) => {
		if (e.target.matches("[data-submit]")) e.target.form.requestSubmit();
	});

	// The drawer: a link with data-drawer leads to this page with its drawer open; here it comes without a page load.
	const openDrawer = (drawer, from) => {
		drawer.removeAttribute("open");
		drawer.addEventListener("close", () => {
			history.replaceState(null, "", drawer.querySelector("[data-drawer-close]").href);
			drawer.remove();
			document.getElementById(from)?.focus();
		});
		drawer.showModal();
		(drawer.querySelector("#error-summary") ?? document.getElementById(location.hash.slice(1)))?.focus();
	};
	const opened = one("#drawer[open]");
	if (opened) openDrawer(opened);
	document.addEventListener("click", async (e) => {
		const link = e.target.closest("a[data-drawer], a[data-drawer-close]");
		if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
		e.preventDefault();
		if (link.matches("[data-drawer-close]")) { link.closest("dialog").close(); return; }
		try {
			const page = new DOMParser().parseFromString(await (await fetch(link.href)).text(), "text/html");
			const drawer = page.querySelector("#drawer");
			if (one("#drawer")) return; // a second click
			one("main").append(drawer);
			history.replaceState(null, "", link.href);
			showCopies(drawer);
			openDrawer(drawer, link.id);
		} catch {
			location.href = link.href; // the page says more
		}
	});

	// A form with data-confirm="dialog" opens that dialog, which has the form once more.
	document.addEventListener("submit", (e) => {
		const dialog = document.getElementById(e.target.dataset.confirm);
		if (!dialog) return;
		e.preventDefault();
		e.stopImmediatePropagation();
		dialog.showModal();
	});
	document.addEventListener("click", (e) => e.target.closest("[data-cancel]")?.closest("dialog").close());

	// A button or form with data-swap="#part" sends its form and takes only that part of the page that comes back.
	document.addEventListener("submit", async (e) => {
		const form = e.target, button = e.submitter;
		const part = button?.dataset.swap ?? form.dataset.swap;
		if (!part) {
			if (form.dataset.busy) { e.preventDefault(); return; } // a second click
			form.dataset.busy = "1";
			button?.setAttribute("aria-disabled", "true");
			return;
		}
		e.preventDefault();
		const target = one(part);
		target.setAttribute("aria-busy", "true");
		button?.setAttribute("aria-disabled", "true");
		try {
			const data = new FormData(form, button);
			const get = form.method === "get";
			const to = new URL(button?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href, location.href);
			if (get) to.search = new URLSearchParams(data);
			const answer = await fetch(to, get ? {} : { method: "POST", body: new URLSearchParams(data) });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const fresh = page.querySelector(part);
			if (!fresh) { location.reload(); return; }
			if (get) history.replaceState(null, "", to);
			const held = target.contains(document.activeElement) ? document.activeElement : null;
			const order = held ? [...target.querySelectorAll(held.tagName)].indexOf(held) : -1;
			target.replaceWith(fresh);
			const same = held && ((held.id && document.getElementById(held.id)) || fresh.querySelectorAll(held.tagName)[order]);
			(fresh.querySelector("#error-summary") ?? same)?.focus();
			fresh.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
		} catch {
			form.submit(); // the network's own error page says more
		} finally {
			target.removeAttribute("aria-busy");
			button?.removeAttribute("aria-disabled");
		}
	});
	addEventListener("pageshow", () => document.querySelectorAll("[data-busy]").forEach((f) => {
		delete f.dataset.busy;
		f.querySelectorAll("[aria-disabled]").forEach((b) => b.removeAttribute("aria-disabled"));
	}));
})();
