// Elements: what is put into the page, as text and never as HTML.

export const byId = (id) => document.getElementById(id);

export function put(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/// Puts other children into a node, unless it looks like that already.
export function fill(node, ...children) {
  const [wanted, there] = [[...element("div", "", ...children).childNodes], node.childNodes];
  const isSo = wanted.length === there.length && wanted.every((child, at) => child.isEqualNode(there[at]));
  if (!isSo) node.replaceChildren(...wanted);
}

/// The rows of a table: each keeps its element while its key stays, so that nothing jumps.
export function rows(table, items, key, columns) {
  const body = byId(table).tBodies[0];
  const kept = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const times = new Map();
  items.forEach((item, index) => {
    const time = times.get(key(item)) || 0;
    times.set(key(item), time + 1);
    const name = `${key(item)} ${time}`;
    let row = kept.get(name);
    kept.delete(name);
    if (!row) {
      row = element("tr", "");
      row.dataset.key = name;
      row.setAttribute("role", "row");
      columns.forEach((column, at) => {
        const cell = element(at ? "td" : "th", column.className);
        if (!at) cell.scope = "row";
        cell.setAttribute("role", at ? "cell" : "rowheader");
        cell.dataset.label = column.label;
        row.append(cell);
      });
    }
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] || null);
    columns.forEach((column, at) => column.show(row.cells[at], item, row));
  });
  kept.forEach((row) => row.remove());
  byId(table).hidden = items.length === 0;
  byId(`${table}-empty`)?.toggleAttribute("hidden", items.length > 0);
}
