// Live parts of a page: from the worker that all tabs share, or, where there is none, from a stream of its own.
(() => {
	"use strict";
	const meta = document.querySelector("meta[name=live]");
	const me = document.currentScript;
	const off = new URLSearchParams(location.search).get("live") === "off";
	if (!meta || off) return;
	const topics = new URL(meta.content, location.href).searchParams.get("t").split(",");
	const root = document.documentElement, pill = document.getElementById("live-state");
	let boot = "";

	const show = (state) => {
		if (root.dataset.live === state) return;
		root.dataset.live = state;
		if (pill) pill.querySelector(".live-word").textContent = pill.dataset[state] ?? "";
	};

	// Only what differs is touched. What holds the focus waits until the focus is elsewhere: a press must not miss.
	const waiting = new Map();
	const settle = (part) => {
		const target = document.getElementById(part.dataset.target);
		waiting.delete(part.dataset.target);
		if (!target || target.innerHTML === part.innerHTML) return;
		if (target.contains(document.activeElement)) { waiting.set(target.id, part); return; }
		const opened = [...target.querySelectorAll("details")].map((d) => d.open);
		target.replaceChildren(...part.childNodes);
		target.querySelectorAll("details").forEach((d, i) => { d.open = opened[i] ?? d.open; });
		target.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
		moved(target);
	};
	// What an action announced of a task goes once the task is in another state, and still is after a second: the first
	// message may be from before the page.
	const moved = (target, again) => {
		const note = document.querySelector("[data-while]"), tag = target.querySelector("[data-state]");
		if (!note || !tag || !["task-status", "status-" + note.dataset.task].includes(target.id)) return;
		if (note.dataset.while.split(" ").includes(tag.dataset.state)) return;
		if (again) note.remove();
		else setTimeout(() => moved(document.getElementById(target.id) ?? target, true), 1000);
	};
	const place = (html) => {
		const box = document.createElement("template");
		box.innerHTML = html;
		[...box.content.children].forEach(settle);
	};
	document.addEventListener("focusout", () => setTimeout(() => [...waiting.values()].forEach(settle)));

	const take = ({ kind, value }) => {
		if (kind === "html") place(value);
		else if (kind === "state") show(value);
		else if (kind === "hello") {
			if (boot && boot !== value) location.reload(); // another version of the server: its pages may differ
			boot = value;
		}
	};

	// How long ago something was measured, between two messages.
	setInterval(() => {
		if (document.hidden) return;
		document.querySelectorAll("[data-age]").forEach((e) => {
			e.since ??= performance.now();
			const age = Number(e.dataset.age) + (performance.now() - e.since) / 1000;
			if (age > 5) {
				const word = e.previousElementSibling;
				if (word) { word.textContent = e.dataset.unknown; word.className = "delay delay-idle"; }
			}
			e.textContent = e.dataset.text.replace("@", age.toFixed(1));
		});
		document.querySelectorAll("[data-left]").forEach((e) => { // until the next try
			e.since ??= performance.now();
			const left = Math.ceil(Math.max(0, Number(e.dataset.left) - (performance.now() - e.since) / 1000));
			e.textContent = e.dataset.text.replace("@", left);
		});
	}, 200);

	if (window.SharedWorker) {
		const worker = new SharedWorker(me.dataset.worker, { name: "live" });
		const join = () => worker.port.postMessage({ topics });
		worker.port.onmessage = (e) => take(e.data);
		worker.port.start();
		join();
		addEventListener("pagehide", () => worker.port.postMessage({ bye: true }));
		addEventListener("pageshow", (e) => { if (e.persisted) join(); });
		return;
	}
	let source = null, wait = 0;
	const open = () => {
		source?.close();
		if (document.hidden) return;
		source = new EventSource(meta.content);
		source.onopen = () => { wait = 0; show("open"); };
		source.onmessage = (e) => place(e.data);
		source.addEventListener("hello", (e) => take({ kind: "hello", value: e.data }));
		source.addEventListener("auth", () => { source.close(); show("gone"); });
		source.onerror = () => {
			if (root.dataset.live === "gone") return;
			show("retry");
			if (source.readyState !== 2) return;
			wait = Math.min(30000, Math.max(500, wait * 2));
			setTimeout(open, wait * (0.7 + 0.6 * Math.random()));
		};
	};
	document.addEventListener("visibilitychange", open);
	open();
})();
