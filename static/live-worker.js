// One stream for all tabs of a browser. A tab says which topics it wants; the stream carries all of them.
"use strict";
const ports = new Map(); // port: {topics, seen}
let source = null, current = "", wait = 0, timer = 0, state = "retry";

const tell = (message) => ports.forEach((_, port) => port.postMessage(message));
const become = (s) => { state = s; tell({ kind: "state", value: s }); };

function open() {
	clearTimeout(timer);
	const wanted = [...new Set([...ports.values()].flatMap((p) => p.topics))].sort().join(",");
	if (wanted === current && source && source.readyState !== 2) return;
	source?.close();
	source = null;
	current = wanted;
	if (!wanted) return;
	state = "retry";
	const mine = source = new EventSource("/events?t=" + encodeURIComponent(wanted));
	mine.onopen = () => { wait = 0; become("open"); };
	mine.onmessage = (e) => tell({ kind: "html", value: e.data });
	mine.addEventListener("hello", (e) => tell({ kind: "hello", value: e.data }));
	mine.addEventListener("auth", () => { mine.close(); become("gone"); });
	mine.onerror = () => {
		if (source !== mine || state === "gone") return;
		become("retry");
		if (mine.readyState !== 2) return; // it tries again by itself
		// An answer that is no stream: the browser gives up, so we do not, unless nobody is signed in any more.
		fetch("/events?t=", { headers: { Accept: "application/json" } }).then((answer) => {
			answer.body.cancel();
			if (answer.status === 401 && source === mine) { clearTimeout(timer); become("gone"); }
		}, () => {});
		wait = Math.min(30000, Math.max(500, wait * 2));
		timer = setTimeout(open, wait * (0.7 + 0.6 * Math.random()));
	};
}

function later() {
	clearTimeout(timer);
	timer = setTimeout(open, 200);
}

const join = (port) => {
	port.onmessage = ({ data }) => {
		if (data.bye) ports.delete(port);
		else {
			const fresh = !ports.has(port);
			ports.set(port, { topics: data.topics });
			port.postMessage({ kind: "state", value: state });
			if (fresh && current && data.topics.every((t) => current.split(",").includes(t))) current = ""; // so that it gets the newest
		}
		later();
	};
	port.start?.();
};
if ("onconnect" in self) self.onconnect = (e) => join(e.ports[0]);
