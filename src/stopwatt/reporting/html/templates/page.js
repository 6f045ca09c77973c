"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  root.classList.add("scripted");

  // Findings beyond the first ones.
  const all = byId("all-findings");
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => {
      document.querySelector(".findings").classList.add("all");
      all.remove();
    });
  }

  // Tables: sort by a column.
  document.querySelectorAll("table.sortable").forEach((one) => {
    const lines = Array.from(one.tBodies[0].rows);
    const columns = Array.from(one.tHead.rows[0].cells);
    columns.forEach((head, column) => {
      const name = head.querySelector(".name");
      if (!name) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...name.childNodes);
      name.append(button);
      button.addEventListener("click", () => sortBy(one.tBodies[0], lines, columns, column));
    });
  });

  function sortBy(holder, lines, columns, column) {
    const falling = columns[column].getAttribute("aria-sort") === "ascending";
    columns.forEach((other) => other.removeAttribute("aria-sort"));
    columns[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
    const sign = falling ? -1 : 1;
    const keyed = lines.map((row) => [row.cells[column].dataset.order, row]);
    const numbers = keyed.every(([key]) => key !== "" && !Number.isNaN(Number(key)));
    keyed.sort(([a], [b]) => sign * (numbers ? Number(a) - Number(b) : a.localeCompare(b)));
    holder.append(...keyed.map(([, row]) => row));
  }

  // The table of cells: filter by words and by menus.
  const table = byId("table");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const axes = heads.flatMap((head, column) => (head.dataset.axis === undefined ? [] : [[head.dataset.axis, column]]));
  const where = new Map(
    rows.map((row) => [row, Object.fromEntries(axes.map(([axis, column]) => [axis, row.cells[column].textContent]))]),
  );
  for (const [row, place] of where) {
    const said = Object.entries(place).map(([axis, value]) => `${axis}=${value}`);
    row.querySelector("a").setAttribute("aria-label", `details of ${said.join(", ") || "the cell"}`);
  }
  const words = new Map(
    rows.map((row) => {
      const named = Object.entries(where.get(row)).map(([axis, value]) => `${axis}=${value}`);
      return [row, `${named.join(" ")} ${row.textContent} ${row.dataset.key}`.toLowerCase()];
    }),
  );

  // The cells of one finding.
  let chosen = null;
  document.querySelectorAll("a[data-rows]").forEach((link) =>
    link.addEventListener("click", () => {
      chosen = new Set(link.dataset.rows.split(" ").map((place) => rows[place]));
      byId("chosen").textContent = `of finding ${link.dataset.finding}`;
      filter();
    }),
  );

  const filters = byId("filters");
  const menus = Array.from(filters.querySelectorAll("select"));
  filters.hidden = false;
  filters.addEventListener("input", filter);
  filters.addEventListener("reset", () => {
    chosen = null;
    setTimeout(filter);
  });
  filters.addEventListener("submit", (event) => event.preventDefault());

  function filter() {
    const wanted = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits =
        (!chosen || chosen.has(row)) &&
        wanted.every((word) => words.get(row).includes(word)) &&
        menus.every((menu) => !menu.value || where.get(row)[menu.dataset.axis] === menu.value);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("chosen").hidden = !chosen;
    byId("count").textContent = `${shown} of ${rows.length} cells`;
  }

  // One cell in full, opened by #cell=KEY.
  const dialog = byId("cell");
  const inside = byId("cell-body");
  const drawings = JSON.parse(byId("drawings").textContent);
  let current = null;
  let opener = null;

  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("a") && !String(getSelection())) go(row.dataset.key);
  });
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", closed);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  addEventListener("hashchange", follow);

  function go(key) {
    location.hash = `cell=${key}`;
  }

  function follow() {
    const key = decodeURIComponent(location.hash.slice(1)).replace(/^cell=/, "");
    const template = location.hash.startsWith("#cell=") ? byId(`cell=${key}`) : null;
    if (template) open(key, template);
    else if (dialog.open) dialog.close();
  }

  function open(key, template) {
    if (!dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
    }
    current = rows.find((row) => row.dataset.key === key);
    const content = template.content.cloneNode(true);
    const pictures = JSON.parse(content.querySelector("script").textContent);
    content.querySelector("script").remove();
    inside.replaceChildren(content);
    dialog.scrollTop = 0;
    steps();
    draw(inside.querySelector(".drawn"), pictures);
    inside.querySelector("h2").focus({ preventScroll: true });
  }

  function closed() {
    history.replaceState(null, "", location.pathname + location.search);
    inside.replaceChildren();
    const link = opener && opener !== document.body && opener.isConnected ? opener : current && current.querySelector("a");
    if (link) link.focus();
  }

  function visible() {
    return Array.from(body.rows).filter((row) => !row.hidden || row === current);
  }

  function step(by) {
    const listed = visible();
    const row = listed[listed.indexOf(current) + by];
    if (row) go(row.dataset.key);
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("select, input, pre") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else return;
    event.preventDefault();
  });

  // A menu for every coordinate: the cells that differ from this one in nothing else.
  function steps() {
    const listed = visible();
    const place = listed.indexOf(current);
    byId("previous").disabled = place <= 0;
    byId("next").disabled = place < 0 || place >= listed.length - 1;
    const here = where.get(current);
    byId("steps").replaceChildren(
      ...Object.keys(here).map((axis) => {
        const near = rows.filter((row) => {
          const there = where.get(row);
          return Object.keys(here).every((name) => name === axis || there[name] === here[name]);
        });
        const menu = document.createElement("select");
        near.forEach((row) => menu.add(new Option(where.get(row)[axis], row.dataset.key, false, row === current)));
        menu.disabled = near.length < 2;
        menu.addEventListener("change", () => go(menu.value));
        const label = document.createElement("label");
        label.append(`${axis} `, menu);
        return label;
      }),
    );
  }

  // Figures of a cell: a drawing for each kind, filled with what the cell has to show.
  function draw(target, pictures) {
    for (const [kind, picture] of Object.entries(pictures)) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const title = document.createElement("strong");
      const below = document.createElement("span");
      const place = document.createElement("div");
      title.textContent = picture.title;
      below.textContent = picture.subtitle;
      below.className = "quiet";
      caption.append(title, below);
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", picture.title);
      figure.append(caption, place);
      figure.className = drawings[kind].width < 400 ? "half" : "";
      figure.dataset.kind = kind;
      target.append(figure);
      const spec = filled(drawings[kind], picture);
      spec.width = Math.max(180, Math.min(spec.width, place.clientWidth - (figure.className ? 70 : 190)));
      const options = { actions: false, renderer: "svg", ast: true, tooltip: false, defaultStyle: false };
      vegaEmbed(place, spec, options).then(
        () => (figure.dataset.drawn = "yes"),
        (error) => (place.textContent = `this figure cannot be drawn: ${error.message}`),
      );
    }
  }

  function filled(drawing, picture) {
    const spec = JSON.parse(JSON.stringify(drawing), (_, value) =>
      typeof value === "string" && value[0] === "@" && value.slice(1) in picture.words ? picture.words[value.slice(1)] : value,
    );
    for (const param of spec.params) if (param.name in picture.params) param.value = picture.params[param.name];
    for (const [name, columns] of Object.entries(picture.tables)) spec.datasets[name] = rowsOf(columns);
    return spec;
  }

  function rowsOf(columns) {
    const names = Object.keys(columns);
    const values = names.map((name) => unpack(columns[name]));
    return Array.from({ length: values.length ? values[0].length : 0 }, (_, place) =>
      Object.fromEntries(names.map((name, column) => [name, values[column][place]])),
    );
  }

  // The opposite of pack.py.
  function unpack(column) {
    if (Array.isArray(column)) return column;
    const kinds = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };
    if (column.k === "same") return Array(column.n).fill(column.v);
    if (column.k === "count") return Array.from({ length: column.n }, (_, place) => column.v + place);
    if (column.k === "sparse") {
      const all = Array(column.n).fill(0);
      const values = unpack(column.v);
      unpack(column.at).forEach((place, index) => (all[place] = values[index]));
      return all;
    }
    if (column.k === "even") {
      return Array.from({ length: column.n }, (_, place) => column.lo + ((column.hi - column.lo) * place) / (column.n - 1));
    }
    if (column.k === "head") {
      const known = unpack(column.v);
      return [...known, ...Array(column.n - known.length).fill(null)];
    }
    if (column.k === "runs") return column.v.flatMap((value, index) => Array(column.n[index]).fill(value));
    if (column.k === "rise") {
      const all = [column.v];
      for (const more of numbers(column.b, Uint8Array)) all.push(all[all.length - 1] + more);
      return all;
    }
    if (column.k in kinds) return Array.from(numbers(column.b, kinds[column.k]));
    const shares = twelveBits(numbers(column.b, Uint8Array), column.n).map((step) => step / 4095);
    if (column.k === "log") return shares.map((share) => column.lo * (column.hi / column.lo) ** share);
    return shares.map((share) => column.lo + (column.hi - column.lo) * share);
  }

  function twelveBits(bytes, n) {
    return Array.from({ length: n }, (_, place) => {
      const at = 3 * (place >> 1);
      return place % 2 ? ((bytes[at + 1] & 15) << 8) | bytes[at + 2] : (bytes[at] << 4) | (bytes[at + 1] >> 4);
    });
  }

  function numbers(text, Kind) {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return new Kind(bytes.buffer);
  }

  // What a mark of a still figure says, shown beside the pointer: of a cell what its row of the table says.
  function said(link) {
    const row = rows.find((one) => `#cell=${one.dataset.key}` === link);
    if (!row) return "";
    const place = Object.entries(where.get(row)).map(([axis, value]) => `${axis}=${value}`);
    const numbers = heads.flatMap((head, column) => {
      const unit = head.querySelector(".unit");
      const text = row.cells[column].textContent;
      return unit && text !== "-" ? [`${head.querySelector(".name").textContent} ${text} ${unit.textContent.split(" [")[0]}`] : [];
    });
    return [place.join(", "), ...numbers].join("\n");
  }

  const tip = byId("tip");
  document.querySelector("main").addEventListener("pointermove", (event) => {
    const mark = event.target.closest('figure svg a[href^="#cell="], figure svg [aria-label]');
    tip.hidden = !mark || mark.ownerSVGElement === null;
    if (tip.hidden) return;
    tip.textContent = mark.getAttribute("aria-label") || said(mark.getAttribute("href"));
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 10}px`;
  });
  document.addEventListener("pointerleave", () => (tip.hidden = true));

  follow();
})();
