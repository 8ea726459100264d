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
			const to = new URL(button?.getAttribute("formaction") ?? form.action, location.href);
			if (get) to.search = new URLSearchParams(data);
			const answer = await fetch(to, get ? {} : { method: "POST", body: new URLSearchParams(data) });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const fresh = page.querySelector(part);
			if (!fresh) { location.reload(); return; }
			target.replaceWith(fresh);
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
