// The two boxes of the second step: what the source has, and what is selected. Rows are drawn only where they are seen,
// so that a hundred thousand tables scroll as ten do. The form below it in the page does the same without a script.
(() => {
	"use strict";
	const picker = document.getElementById("picker");
	if (!picker) return;
	const form = document.getElementById("wizard-form"), words = picker.dataset, height = 28;
	const byId = (id) => document.getElementById(id);
	const compact = new Intl.NumberFormat(words.lang, { notation: "compact", maximumFractionDigits: 1 }), whole = new Intl.NumberFormat(words.lang);
	const bytes = (n) => {
		let i = 0;
		for (; n >= 1024 && i < 4; i++) n /= 1024;
		return (i ? n.toFixed(1) : n) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][i];
	};
	const key = (db, table) => encodeURIComponent(db) + "/" + encodeURIComponent(table);
	const ask = async (params) => {
		const answer = await fetch(words.url + "?" + new URLSearchParams(params), { headers: { Accept: "application/json" } });
		const body = await answer.json();
		if (!answer.ok) throw new Error(body.text ?? answer.statusText);
		return body;
	};
	const el = (name, className, text) => {
		const e = document.createElement(name);
		e.className = className;
		if (text) e.textContent = text;
		return e;
	};

	// A tree of rows of one height. The focus stays on the box; the active row is told by aria-activedescendant.
	class List {
		constructor(box, actions) {
			this.box = box;
			this.actions = actions;
			this.rows = [];
			this.active = 0;
			this.space = el("div", "vspace");
			box.append(this.space);
			box.addEventListener("scroll", () => this.draw(), { passive: true });
			box.addEventListener("keydown", (e) => this.key(e));
			box.addEventListener("click", (e) => this.click(e));
			box.addEventListener("dblclick", (e) => { const r = this.at(e); if (r) actions.enter(r); });
			new ResizeObserver(() => this.draw()).observe(box);
		}
		set(rows) {
			this.rows = rows;
			this.active = Math.max(0, Math.min(this.active, rows.length - 1));
			this.space.style.height = rows.length * height + "px";
			this.draw(true);
		}
		draw(anew) {
			const first = Math.max(0, Math.floor(this.box.scrollTop / height) - 8);
			const last = Math.min(this.rows.length, first + Math.ceil(this.box.clientHeight / height) + 16);
			if (!anew && first === this.first && last === this.last) return;
			this.first = first;
			this.last = last;
			const drawn = [];
			for (let i = first; i < last; i++) drawn.push(this.row(i));
			this.space.replaceChildren(...drawn);
			this.mark();
		}
		row(i) {
			const r = this.rows[i], e = el("div", "vrow level-" + (r.level ?? 1));
			e.id = this.box.id + "-" + i;
			e.dataset.i = i;
			e.style.transform = "translateY(" + i * height + "px)";
			e.setAttribute("role", "treeitem");
			e.setAttribute("aria-level", r.level ?? 1);
			e.setAttribute("aria-posinset", r.pos ?? i + 1);
			e.setAttribute("aria-setsize", r.size ?? this.rows.length);
			if (r.note) { // says something, cannot be ticked
				e.classList.add("note");
				if (r.bad) e.classList.add("bad");
				e.textContent = r.note;
				return e;
			}
			if (r.open !== undefined) {
				e.setAttribute("aria-expanded", r.open);
				e.append(el("span", "twist"));
			}
			if (!r.chosen) {
				e.setAttribute("aria-checked", this.actions.checked(r));
				e.append(el("span", "box-mark"));
			} else e.classList.add("chosen");
			const name = el("span", "vname", r.text);
			name.title = r.text;
			e.append(name);
			if (r.more) { const m = el("span", "vmore", r.more); m.title = r.more; e.append(m); }
			if (this.actions.edit) e.append(el("span", "vedit" + (r.more ? "" : " vmore"), words.editWord));
			return e;
		}
		mark() {
			for (const e of this.space.children) e.classList.toggle("active", +e.dataset.i === this.active);
			if (this.rows.length) this.box.setAttribute("aria-activedescendant", this.box.id + "-" + this.active);
			else this.box.removeAttribute("aria-activedescendant");
			this.actions.moved?.(this.rows[this.active]);
		}
		go(i) {
			this.active = Math.max(0, Math.min(i, this.rows.length - 1));
			const top = this.active * height, b = this.box;
			if (top < b.scrollTop) b.scrollTop = top;
			else if (top + height > b.scrollTop + b.clientHeight) b.scrollTop = top + height - b.clientHeight;
			this.draw();
			this.mark();
		}
		at(e) {
			const row = e.target.closest(".vrow");
			return row && this.rows[+row.dataset.i];
		}
		click(e) {
			const row = e.target.closest(".vrow");
			if (!row) return;
			const was = this.active, i = +row.dataset.i, r = this.rows[i];
			this.go(i);
			if (r.note) return;
			if (e.target.closest(".vedit")) { this.actions.edit(r); return; }
			if (e.target.closest(".twist")) { this.actions.toggle(r); return; }
			if (e.shiftKey) this.actions.range(this.rows.slice(Math.min(was, i), Math.max(was, i) + 1));
			else this.actions.tick(r);
		}
		key(e) {
			const r = this.rows[this.active], page = Math.floor(this.box.clientHeight / height) - 1, a = this.actions;
			const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
			if (e.key in steps && !e.ctrlKey && !e.altKey) {
				const was = this.active;
				this.go(this.active + steps[e.key]);
				if (e.shiftKey) a.range(this.rows.slice(Math.min(was, this.active), Math.max(was, this.active) + 1));
			} else if (e.key === "a" && (e.ctrlKey || e.metaKey)) a.all();
			else if (!r) return;
			else if (e.key === "ArrowRight" && r.open === false) a.toggle(r);
			else if (e.key === "ArrowLeft" && r.open) a.toggle(r);
			else if (e.key === "ArrowLeft" && r.level === 2) {
				let i = this.active;
				while (i > 0 && this.rows[i].level === 2) i--;
				this.go(i);
			} else if (e.key === " ") { if (!r.note) a.tick(r); }
			else if (e.key === "Enter") { if (!r.note) a.enter(r); }
			else if (e.key === "Delete" && a.remove) a.remove(r);
			else return;
			e.preventDefault();
		}
	}

	// The left box.
	const source = { databases: [], found: null, ticked: new Map(), whole: new Set(), everything: "", error: "" };
	const chosen = { tables: [], keys: new Set(), ticked: new Set(), counts: new Map() };
	const untick = () => {
		source.ticked.clear();
		source.whole.clear();
		source.everything = "";
	};
	// tickAll ticks all that is listed, or nothing where all is. Of a search it ticks also what is found and not listed.
	const tickAll = () => {
		const on = source.everything || (!source.found && source.whole.size === source.databases.length);
		untick();
		if (!on && source.found) source.everything = source.found.words;
		else if (!on) for (const d of source.databases) source.whole.add(d.name);
		showLeft();
	};
	const tick = (r, on) => {
		if (r.note || r.chosen) return;
		source.everything = "";
		if (r.database) {
			on ? source.whole.add(r.database.name) : source.whole.delete(r.database.name);
			for (const k of source.ticked.keys()) if (source.ticked.get(k) === r.database.name) source.ticked.delete(k);
			return;
		}
		on ? source.ticked.set(r.key, r.db) : source.ticked.delete(r.key);
		if (!on) source.whole.delete(r.db);
	};
	const left = new List(byId("left"), {
		checked: (r) => {
			if (!r.database) return String(source.everything !== "" || source.whole.has(r.db) || source.ticked.has(r.key));
			if (source.whole.has(r.database.name)) return "true";
			return r.some() ? "mixed" : "false";
		},
		toggle: (r) => open(r.database),
		tick: (r) => {
			if (!r.database && source.whole.has(r.db)) { // all but this one
				const d = source.databases.find((d) => d.name === r.db);
				source.whole.delete(r.db);
				for (const t of d.tables ?? []) if (!chosen.keys.has(t.key)) source.ticked.set(t.key, t.db);
				source.ticked.delete(r.key);
			} else tick(r, left.actions.checked(r) !== "true");
			showLeft();
		},
		range: (rows) => { for (const r of rows) if (!r.database) tick(r, true); showLeft(); },
		enter: (r) => r.database ? open(r.database) : (tick(r, true), moveRight()),
		all: tickAll,
	});

	async function open(d) {
		d.open = !d.open;
		showLeft();
		if (d.tables || !d.open) return;
		try {
			d.error = "";
			d.tables = tablesOf((await ask({ db: d.name })).tables);
		} catch (e) { d.error = e.message; d.open = true; }
		showLeft();
	}
	const tablesOf = (list) => list.map(([db, name, rows, size]) => ({ level: 2, db, key: key(db, name), text: name,
		more: "≈ " + compact.format(rows) + " " + words.rows + " · " + bytes(size) }));

	function leftRows() {
		if (source.error) return [{ note: words.failed + " " + source.error, bad: true }];
		const rows = [];
		const add = (list, named) => list.forEach((t, i) => {
			const has = chosen.keys.has(t.key);
			rows.push({ ...t, text: named ? t.db + "." + t.text : t.text, level: named ? 1 : 2, chosen: has, more: has ? words.chosen : t.more, pos: i + 1, size: list.length });
		});
		if (source.found) {
			add(source.found.tables, true);
			if (source.found.total > source.found.tables.length) rows.push({ note: words.more });
			return rows.length ? rows : [{ note: words.noMatch }];
		}
		const some = new Set(source.ticked.values());
		source.databases.forEach((d, i) => {
			const n = d.tables?.length, has = chosen.counts.get(d.name) ?? 0;
			rows.push({ database: d, text: d.name, open: Boolean(d.open), level: 1, pos: i + 1, size: source.databases.length, some: () => some.has(d.name),
				more: (n === undefined ? "" : (n === 1 ? words.table : words.tables).replace("#", whole.format(n))) + (has ? (n === undefined ? "" : " · ") + words.chosen + " " + whole.format(has) : "") });
			if (!d.open) return;
			if (d.error) rows.push({ note: words.failed + " " + d.error, bad: true, level: 2 });
			else if (!d.tables) rows.push({ note: words.loading, level: 2 });
			else if (!n) rows.push({ note: words.empty, level: 2 });
			else add(d.tables, false);
		});
		return rows.length ? rows : [{ note: words.empty }];
	}
	function showLeft() {
		left.set(leftRows());
		const n = source.ticked.size, parts = [];
		if (source.whole.size) parts.push([...source.whole].slice(0, 3).map((d) => d + ".*").join(", ") + (source.whole.size > 3 ? ", …" : ""));
		if (source.everything) parts.push(words.checked.replace("#", whole.format(source.found.total)));
		if (n) parts.push(words.checked.replace("#", whole.format(n)));
		if (source.found && source.found.total > source.found.tables.length) parts.push(words.of.replace("##", whole.format(source.found.total)).replace("#", whole.format(source.found.tables.length)));
		byId("left-count").textContent = parts.join(" · ");
		byId("move-right").disabled = !n && !source.whole.size && !source.everything;
	}
	async function loadLeft(anew) {
		left.set([{ note: words.loading }]);
		source.error = "";
		try { source.databases = (await ask(anew ? { anew: 1 } : {})).databases.map((name) => ({ name })); }
		catch (e) { source.error = e.message; }
		if (source.databases.length === 1 && !source.error) open(source.databases[0]);
		else showLeft();
	}
	let searching = 0;
	byId("left-search").addEventListener("input", (e) => {
		const q = e.target.value.trim(), mine = ++searching;
		setTimeout(async () => {
			if (mine !== searching) return;
			if (!q) { source.found = null; source.everything = ""; showLeft(); return; }
			left.set([{ note: words.loading }]);
			try {
				const { tables, total } = await ask({ q });
				if (mine !== searching) return;
				source.found = { tables: tablesOf(tables), total, words: q };
				source.everything = "";
				source.error = "";
			} catch (err) { source.error = err.message; }
			left.box.scrollTop = 0;
			showLeft();
		}, 200);
	});
	byId("left-refresh").addEventListener("click", () => { source.found = null; byId("left-search").value = ""; loadLeft(true); });

	// The right box.
	const right = new List(byId("right"), {
		checked: (r) => String(chosen.ticked.has(r.key)),
		toggle: () => {},
		tick: (r) => { chosen.ticked.has(r.key) ? chosen.ticked.delete(r.key) : chosen.ticked.add(r.key); showRight(); },
		range: (rows) => { for (const r of rows) if (r.key) chosen.ticked.add(r.key); showRight(); },
		enter: (r) => edit(r),
		all: () => {
			const rows = right.rows.filter((r) => r.key), on = rows.every((r) => chosen.ticked.has(r.key));
			for (const r of rows) on ? chosen.ticked.delete(r.key) : chosen.ticked.add(r.key);
			showRight();
		},
		edit: (r) => edit(r),
		remove: (r) => { if (!chosen.ticked.size && r.key) chosen.ticked.add(r.key); moveLeft(); },
		moved: (r) => { byId("right-edit").disabled = !r || Boolean(r.note); },
	});
	function showRight() {
		const q = byId("right-search").value.trim().toLowerCase();
		const rows = q ? chosen.tables.filter((t) => (t.text + t.more).toLowerCase().includes(q)) : chosen.tables;
		right.set(rows.length ? rows : [{ note: chosen.tables.length ? words.noMatch : words.none }]);
		byId("right-count").textContent = chosen.ticked.size ? words.checked.replace("#", whole.format(chosen.ticked.size)) : "";
		byId("move-left").disabled = !chosen.ticked.size;
		byId("object-count").textContent = (chosen.tables.length === 1 ? words.countOne : words.count).replace("#", whole.format(chosen.tables.length));
	}
	async function loadRight() {
		const { tables } = await ask({ selected: 1 });
		chosen.tables = tables.map(([db, name, note]) => ({ db, name, key: key(db, name), text: db + "." + name, more: note }));
		chosen.keys = new Set(chosen.tables.map((t) => t.key));
		chosen.counts = new Map();
		for (const t of chosen.tables) chosen.counts.set(t.db, (chosen.counts.get(t.db) ?? 0) + 1);
		chosen.ticked = new Set([...chosen.ticked].filter((k) => chosen.keys.has(k)));
		showRight();
		showLeft();
	}
	byId("right-search").addEventListener("input", showRight);
	byId("right-edit").addEventListener("click", () => edit(right.rows[right.active]));

	// Moves are saved at once, many names in several requests: one must stay small. After a conflict the page itself
	// comes back and shows it.
	const most = 300_000; // letters of names in a request
	function* batches(fields) {
		let part = [], size = 0;
		for (const f of fields) {
			if (size > most) {
				yield part;
				part = [];
				size = 0;
			}
			part.push(f);
			size += f[1].length + 10;
		}
		if (part.length) yield part;
	}
	async function move(verb, fields) {
		picker.setAttribute("aria-busy", "true");
		try {
			for (const part of batches(fields)) await window.wizard.post(form, [["do", verb], ...part]);
			await loadRight();
		} catch (answer) {
			if (answer.status === 409) { form.requestSubmit(); return; }
			source.error = answer.json ? (await answer.json().catch(() => ({}))).text ?? answer.statusText : answer.message;
			showLeft();
		} finally { picker.removeAttribute("aria-busy"); }
	}
	async function moveRight() {
		const fields = [...[...source.ticked.keys()].map((k) => ["pick", k]), ...[...source.whole].map((d) => ["database", d])];
		const everything = source.everything;
		untick();
		if (everything) await move("add_all", [["db", "*"], ["q", everything]]);
		if (fields.length) await move("add", fields);
	}
	const moveLeft = () => move("remove", [...chosen.ticked].map((k) => ["drop", k]));
	byId("left-all").addEventListener("click", () => tickAll());
	byId("right-all").addEventListener("click", () => right.actions.all());
	byId("move-right").addEventListener("click", moveRight);
	byId("move-left").addEventListener("click", moveLeft);
	for (const id of ["left-search", "right-search"]) byId(id).addEventListener("keydown", (e) => { if (e.key === "Enter") e.preventDefault(); });

	// The drawer shows the page of one table in a dialog; its own form does the rest.
	const dialog = byId("drawer-dialog");
	function show(part) {
		part.querySelector("form").id = "drawer-form"; // the page has a form of that name
		part.querySelectorAll("button[form]").forEach((b) => b.removeAttribute("form"));
		dialog.replaceChildren(part);
		part.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
	}
	async function edit(r) {
		if (!r || r.note) return;
		await window.wizard.flush(form);
		const to = words.edit + "?" + new URLSearchParams({ db: r.db, table: r.name });
		try {
			const answer = await fetch(to);
			const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("drawer");
			if (!part) { location.href = to; return; }
			show(part);
			dialog.showModal();
		} catch { location.href = to; }
	}
	dialog.addEventListener("click", (e) => {
		if (e.target !== dialog && !e.target.closest("[data-close]")) return;
		e.preventDefault();
		dialog.close();
	});
	dialog.addEventListener("close", () => dialog.replaceChildren());
	// What was saved in the drawer is in the list, and in a new version of the draft; else its form is there again.
	dialog.addEventListener("submit", async (e) => {
		e.preventDefault();
		e.stopPropagation();
		const sent = e.target;
		e.submitter?.setAttribute("aria-disabled", "true");
		try {
			const answer = await fetch(sent.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(sent, e.submitter)) });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html"), part = page.getElementById("drawer");
			if (part) {
				show(part);
				(part.querySelector("#error-summary") ?? part.querySelector(".notice"))?.scrollIntoView({ block: "nearest" });
				part.querySelector("#error-summary")?.focus();
				return;
			}
			form.elements.version.value = page.getElementById("wizard-form").elements.version.value;
			byId("wizard-saved").textContent = page.getElementById("wizard-saved").textContent;
			dialog.close();
			await loadRight();
			right.box.focus();
		} catch { location.reload(); } finally { e.submitter?.removeAttribute("aria-disabled"); }
	});

	picker.hidden = false;
	byId("picker-plain").hidden = true;
	loadLeft(false);
	loadRight().catch((e) => { source.error = e.message; showLeft(); });
})();
