"use strict";
// The page of a graph. Where it is, is in its address: #n3 is a node, #g1 a group, #whole, #overview.
// What stands in the graph is somebody else's text: it becomes text nodes, and nothing else.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const nodes = new Map(data.nodes.map((node) => [node.id, node]));
  const groupOf = new Map();
  data.groups.forEach((group, at) => group.forEach((id) => groupOf.set(id, at)));
  const grouped = data.groups.length > 1;
  const home = grouped ? "overview" : "whole";
  const reached = data.coverage && new Set(data.coverage.reached);
  const leaving = new Map();
  data.edges.forEach((edge, index) => {
    if (!leaving.has(edge.source)) leaving.set(edge.source, []);
    leaving.get(edge.source).push({ ...edge, index });
  });
  let view = ""; // the name of the picture that is shown
  let here = null; // the id of the node that is open
  let svg = null;
  let whole = null; // the part of the picture that is seen when all of it is
  let seen = null; // the part that is seen

  // Elements of text.

  function element(name, content, options = {}) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(options)) made.setAttribute(key, value);
    made.append(...(Array.isArray(content) ? content : [content]));
    return made;
  }

  function linkTo(id, text) {
    return element("a", text ?? nameOf(id), { href: `#n${id}` });
  }

  function nameOf(id) {
    const node = nodes.get(id);
    return node ? `${id}. ${node.title}` : `${id}`;
  }

  function plural(number, word) {
    return `${number} ${word}${number === 1 ? "" : "s"}`;
  }

  // Pictures.

  function open(name) {
    if (name === view) return;
    view = name;
    const parsed = new DOMParser().parseFromString(data.views[name], "image/svg+xml");
    svg = document.importNode(parsed.documentElement, true);
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    const [x, y, width, height] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
    whole = { x, y, width, height };
    byId("picture").replaceChildren(svg);
    svg.querySelectorAll("g.node, g.edge").forEach(dress);
    fit();
    showViews();
  }

  function dress(shape) {
    const title = shape.querySelector("title");
    const found = /^([ng])(\d+)$/.exec(shape.id);
    const edge = /^e(\d+)$/.exec(shape.id);
    let text = "";
    if (found && found[1] === "n") text = `${nameOf(Number(found[2]))}`;
    else if (found) text = `Group of ${nameOf(data.groups[Number(found[2])][0])}`;
    else if (edge) text = waysOf(data.edges[Number(edge[1])]);
    if (title) title.textContent = text;
    if (!found) return;
    shape.setAttribute("tabindex", "0");
    shape.setAttribute("role", "link");
    shape.setAttribute("aria-label", text);
    shape.addEventListener("click", () => go(shape.id));
    shape.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      go(shape.id);
    });
  }

  function waysOf(edge) {
    return `${edge.kind}${edge.choices.length ? `: ${edge.choices.join(", ")}` : ""}`;
  }

  function showViews() {
    const names = grouped ? [["overview", "Overview"], ["whole", "Whole graph"]] : [];
    const group = /^g(\d+)$/.exec(view);
    if (group) {
      const first = nodes.get(data.groups[Number(group[1])][0]);
      names.push([view, `› ${first.title.slice(0, 60)}`]);
    }
    byId("views").replaceChildren(
      ...names.map(([name, text]) =>
        element("a", text, {
          href: `#${name}`,
          ...(name === view ? { "aria-current": "true" } : {}),
        }),
      ),
    );
  }

  function look(part) {
    seen = part;
    svg.setAttribute("viewBox", `${part.x} ${part.y} ${part.width} ${part.height}`);
  }

  function fit() {
    look({ ...whole });
  }

  // What one pixel is in the picture, and where the picture begins on the screen.
  function scale() {
    const box = svg.getBoundingClientRect();
    const size = Math.max(seen.width / (box.width || 1), seen.height / (box.height || 1));
    return {
      size,
      left: box.left + (box.width - seen.width / size) / 2,
      top: box.top + (box.height - seen.height / size) / 2,
    };
  }

  function zoom(by, clientX, clientY) {
    const box = svg.getBoundingClientRect();
    const { size, left, top } = scale();
    const x = seen.x + ((clientX ?? box.left + box.width / 2) - left) * size;
    const y = seen.y + ((clientY ?? box.top + box.height / 2) - top) * size;
    const width = Math.min(Math.max(seen.width * by, 60), whole.width * 4);
    const factor = width / seen.width;
    look({
      x: x - (x - seen.x) * factor,
      y: y - (y - seen.y) * factor,
      width,
      height: seen.height * factor,
    });
  }

  function move(right, down) {
    look({ ...seen, x: seen.x + right, y: seen.y + down });
  }

  // Bring a node to the middle, large enough to be read, if it is not seen well as it is.
  function bring(shape) {
    const { size } = scale();
    const box = shape.getBoundingClientRect();
    const frame = byId("picture").getBoundingClientRect();
    const inside =
      box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
    if (inside && size < 1.6) return;
    const { left, top } = scale();
    const x = seen.x + (box.left + box.width / 2 - left) * size;
    const y = seen.y + (box.top + box.height / 2 - top) * size;
    const wanted = Math.min(size, 0.9);
    const width = (frame.width || 800) * wanted;
    const height = (frame.height || 600) * wanted;
    look({ x: x - width / 2, y: y - height / 2, width, height });
  }

  function listen() {
    const picture = byId("picture");
    let start = null;
    let moved = false;
    picture.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = { x: event.clientX, y: event.clientY, seen, size: scale().size };
      moved = false;
    });
    picture.addEventListener("pointermove", (event) => {
      if (!start) return;
      const right = event.clientX - start.x;
      const down = event.clientY - start.y;
      if (!moved && Math.hypot(right, down) < 5) return;
      if (!moved) picture.setPointerCapture(event.pointerId);
      moved = true;
      picture.classList.add("moving");
      look({ ...start.seen, x: start.seen.x - right * start.size, y: start.seen.y - down * start.size });
    });
    for (const name of ["pointerup", "pointercancel"]) {
      picture.addEventListener(name, () => {
        start = null;
        picture.classList.remove("moving");
      });
    }
    picture.addEventListener(
      "click",
      (event) => {
        if (moved) event.stopPropagation(); // it was a drag
        moved = false;
      },
      true,
    );
    picture.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 20 : 1;
        zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY * lines)) * 0.004), event.clientX, event.clientY);
      },
      { passive: false },
    );
    picture.addEventListener("keydown", (event) => {
      const step = seen.width / 10;
      const does = {
        "+": () => zoom(0.8),
        "=": () => zoom(0.8),
        "-": () => zoom(1.25),
        0: fit,
        ArrowLeft: () => move(-step, 0),
        ArrowRight: () => move(step, 0),
        ArrowUp: () => move(0, -step),
        ArrowDown: () => move(0, step),
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      does();
    });
    picture.addEventListener("focusin", (event) => {
      const shape = event.target.closest("g.node");
      if (shape && shape.matches(":focus-visible")) bring(shape);
    });
    byId("closer").addEventListener("click", () => zoom(0.8));
    byId("farther").addEventListener("click", () => zoom(1.25));
    byId("fit").addEventListener("click", fit);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (!byId("matches").hidden) return clearSearch();
      if (here !== null) return go(view);
      if (view !== home) go(home);
    });
  }

  // The panel of a node.

  function showPanel(node) {
    const panel = byId("panel");
    panel.hidden = !node;
    if (!node) return panel.replaceChildren();
    const close = element("button", "×", { type: "button", id: "close", "aria-label": "Close" });
    close.addEventListener("click", () => go(view));
    const parts = [close, element("h2", nameOf(node.id), { id: "name" })];
    const states = [];
    if (node.is_menu) states.push("a menu");
    if (!node.is_explored) states.push("not explored any further");
    if (reached) states.push(reached.has(node.id) ? "reached" : "reached by nobody");
    if (states.length) parts.push(element("p", states.join(", "), { class: "faint" }));
    if (data.coverage) {
      const [taken, all] = data.coverage.nodes[node.id];
      const done = { class: taken === all ? "done" : "missed", id: "coverage" };
      if (all) parts.push(element("p", `${taken} of ${all} covered`, done));
    }
    parts.push(...findingsOf(node));
    if (node.says.length) {
      parts.push(element("h3", "Says"), element("ul", node.says.map((each) => element("li", each))));
    }
    parts.push(...waysFrom(node));
    if (node.url) parts.push(element("h3", "From"), element("p", node.url));
    if (node.code) parts.push(element("h3", "Code"), element("p", node.code));
    if (node.bxml) parts.push(element("h3", "BXML"), element("pre", node.bxml, { id: "bxml" }));
    panel.replaceChildren(...parts);
    panel.parentElement.scrollTop = 0;
  }

  function findingsOf(node) {
    return data.findings
      .filter((finding) => finding.node === node.id)
      .flatMap((finding) => [element("p", [badge(finding), finding.message]), ...detailsOf(finding)]);
  }

  function badge(finding) {
    const level = ["error", "warning", "note"].includes(finding.level) ? finding.level : "note";
    return element("span", finding.rule, { class: `badge ${level}`, title: level });
  }

  function detailsOf(finding) {
    const parts = [];
    if (finding.code) parts.push(element("p", finding.code, { class: "faint" }));
    if (finding.conversation.length) {
      const lines = element("pre", finding.conversation.join("\n"));
      const details = element("details", [element("summary", "The shortest call that shows it"), lines]);
      parts.push(details);
    }
    return parts;
  }

  function waysFrom(node) {
    const edges = leaving.get(node.id) ?? [];
    if (!edges.length) return [];
    const items = edges.map((edge) => {
      const ways = waysInto(edge);
      const target =
        edge.target === null
          ? element("span", `ends${edge.cause ? `: ${edge.cause}` : ""}`, { class: "faint" })
          : linkTo(edge.target);
      return element("li", [...ways, " → ", target]);
    });
    return [element("h3", "Goes on"), element("ul", items)];
  }

  function waysInto(edge) {
    const names = edge.choices.length ? edge.choices : [edge.kind];
    if (!data.coverage) return [names.join(", ")];
    const done = new Set(data.coverage.choices[edge.index]);
    const all = data.coverage.edges[edge.index][0] > 0 && !edge.choices.length;
    return names.flatMap((name, at) => {
      const is = all || done.has(name);
      return [
        at ? ", " : "",
        element("span", `${is ? "✓" : "✗"} ${name}`, { class: is ? "done" : "missed" }),
      ];
    });
  }

  // The lists.

  function showFigures() {
    const figures = [plural(data.nodes.length, "document"), plural(data.findings.length, "finding")];
    const { coverage } = data;
    if (coverage) {
      figures.push(
        `${coverage.percent} % covered (${coverage.taken} of ${coverage.all})`,
        `${coverage.reached.length} of ${plural(data.nodes.length, "document")} reached`,
      );
    }
    byId("figures").textContent = figures.join(" · ");
  }

  function showFindings() {
    const items = data.findings.map((finding) => {
      if (finding.node !== null) {
        const where = element("span", ` ${nameOf(finding.node)}`, { class: "faint" });
        return element("li", [badge(finding), linkTo(finding.node, finding.message), where]);
      }
      return element("li", [badge(finding), finding.message, ...detailsOf(finding)]);
    });
    byId("findings").replaceChildren(
      element("h2", items.length ? `Findings (${items.length})` : "Nothing was found to be wrong"),
      element("ul", items),
    );
  }

  function showNotes() {
    const parts = [];
    const { spent } = data;
    if (data.limits.length) {
      parts.push(element("h2", "There may be more"));
      parts.push(element("ul", data.limits.map((each) => element("li", each))));
    }
    if (data.remarks.length) {
      parts.push(element("h2", "Remarks"));
      parts.push(element("ul", data.remarks.map((each) => element("li", each))));
    }
    if (spent.calls) {
      const cost = `${plural(spent.calls, "call")}, ${plural(spent.webhooks, "webhook")}, ${spent.seconds.toFixed(1)} s`;
      parts.push(element("p", cost, { class: "faint" }));
    }
    byId("notes").hidden = !parts.length;
    byId("notes").replaceChildren(...parts);
  }

  // Search.

  function clearSearch() {
    byId("words").value = "";
    byId("matches").hidden = true;
  }

  function search() {
    const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = byId("matches");
    matches.hidden = !words.length;
    if (!words.length) return [];
    const found = data.nodes.filter((node) => {
      const text = [node.id, node.title, ...node.says, node.url, node.code].join("\n").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const items = found.slice(0, 30).map((node) => element("li", linkTo(node.id)));
    if (found.length > 30) items.push(element("li", element("span", `and ${found.length - 30} more`)));
    if (!found.length) items.push(element("li", element("span", "Nothing")));
    matches.replaceChildren(...items);
    return found;
  }

  // Where the page is.

  function go(name) {
    if (location.hash === `#${name}`) route();
    else location.hash = name;
  }

  function route() {
    const name = location.hash.slice(1);
    const node = /^n\d+$/.test(name) ? nodes.get(Number(name.slice(1))) : undefined;
    here = node ? node.id : null;
    if (node) {
      const group = `g${groupOf.get(node.id)}`;
      if (!(view === "whole" || view === group)) open(grouped ? group : "whole");
    } else {
      open(Object.hasOwn(data.views, name) ? name : home);
    }
    showPanel(node);
    svg.querySelectorAll(".here, .near").forEach((each) => each.classList.remove("here", "near"));
    if (!node) return;
    for (const { index } of leaving.get(node.id) ?? []) {
      svg.querySelector(`#e${index}`)?.classList.add("near");
    }
    const shape = svg.querySelector(`#n${node.id}`);
    if (shape) {
      shape.classList.add("here");
      bring(shape);
    }
  }

  document.title = data.title;
  byId("title").textContent = data.title;
  showFigures();
  showFindings();
  showNotes();
  listen();
  byId("words").addEventListener("input", search);
  byId("matches").addEventListener("click", (event) => {
    if (event.target.closest("a")) clearSearch();
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const [first] = search();
    if (!first) return;
    clearSearch();
    go(`n${first.id}`);
  });
  window.addEventListener("hashchange", route);
  route();
})();
