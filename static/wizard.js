// Saves a step of the wizard by itself, one save after the other, and reads chosen files into their text fields.
(() => {
	"use strict";
	let timer = 0, last = Promise.resolve(), saving = 0, again = null;
	const formOf = (e) => e.target.closest?.("form[data-autosave]");

	// post sends the form with other fields set, after all that is under way; the form then has the new version.
	const post = (form, fields) => {
		saving++;
		const sent = last.then(async () => {
			const data = new FormData(form);
			for (const [name] of fields) data.delete(name);
			for (const [name, value] of fields) data.append(name, value);
			const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(data), headers: { Accept: "application/json" } });
			if (!answer.ok) throw answer;
			const body = await answer.json();
			form.elements.version.value = body.version;
			const line = document.getElementById("wizard-saved");
			if (line) line.textContent = body.text;
			return body;
		});
		last = sent.catch(() => {}).finally(() => { saving--; });
		return sent;
	};
	// flush saves what waits for it.
	const flush = (form) => {
		if (timer) {
			clearTimeout(timer);
			timer = 0;
			if (form?.isConnected) post(form, [["do", "autosave"]]).catch((answer) => {
				if (answer.status === 409) form.removeAttribute("data-autosave"); // its next submit shows the conflict
			});
		}
		return last;
	};
	window.wizard = { post, flush };

	document.addEventListener("change", (e) => {
		const form = formOf(e);
		if (!form || e.target.type === "file" || !e.target.name) return;
		clearTimeout(timer);
		timer = setTimeout(() => flush(form), 500);
	});
	// A submit waits for a save that is under way: it must send the version that comes of it.
	document.addEventListener("submit", (e) => {
		if (!formOf(e)) return;
		clearTimeout(timer);
		timer = 0;
		if (!saving || e.target === again) { again = null; return; }
		e.preventDefault();
		e.stopImmediatePropagation();
		const button = e.submitter;
		last.then(() => { again = e.target; e.target.requestSubmit(button); });
	}, true);

	// The figures of the topic that is chosen.
	document.addEventListener("change", (e) => {
		const facts = e.target.id === "topic" && document.getElementById("topic-facts");
		if (!facts) return;
		const values = e.target.selectedOptions[0]?.dataset.facts?.split("\n");
		facts.hidden = !values;
		facts.querySelectorAll("dd").forEach((d, i) => { d.textContent = values?.[i] ?? ""; });
	});

	document.addEventListener("change", async (e) => {
		const into = e.target.dataset?.into, file = e.target.files?.[0];
		if (!into || !file) return;
		const field = document.getElementById(into);
		field.value = await file.text();
		e.target.value = "";
		field.dispatchEvent(new Event("change", { bubbles: true }));
	});
})();
