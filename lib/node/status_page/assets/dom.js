/**
 * The little that the page needs of a framework: make elements, and change only what changed.
 *
 * Every text gets into the page as text. Nothing here or elsewhere writes HTML, and the page's
 * policy makes the browser refuse it.
 *
 * @module
 */

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element; `props` are attributes, children are elements or texts. */
export function h(name, props = {}, ...children) {
  return fill(document.createElement(name), props, children);
}

/** Makes an element of a picture. */
export function s(name, props = {}, ...children) {
  return fill(document.createElementNS(SVG, name), props, children);
}

/** Makes a table's cell; on a narrow screen, where there are no columns, it carries its own label. */
export function cell(label, style, ...children) {
  const element = h("td", { class: style || null }, ...children);
  element.dataset.label = label;
  return element;
}

/** The element with an id of the page's own. */
export function at(id) {
  return document.getElementById(id);
}

/** Sets a text if it is another one: what somebody has selected stays selected. */
export function say(element, text) {
  const wanted = String(text ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** Sets attributes; `undefined`, `null` and `false` take one away. */
export function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) element.removeAttribute(name);
    else {
      const text = value === true ? "" : String(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
  return element;
}

/**
 * Makes the children of `parent` match `items`, in order, keeping the elements that are there: the
 * keyboard's focus and a reader's place survive an update.
 *
 * @param key gives an item's name, unique among `items`.
 * @param make makes an item's element.
 * @param update brings an element up to date.
 */
export function match(parent, items, key, make, update) {
  const old = parent.matched ?? new Map();
  const now = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const name = key(item);
    const element = old.get(name) ?? make(item);
    old.delete(name);
    now.set(name, element);
    update(element, item);
    if (element === place) place = place.nextSibling;
    else parent.insertBefore(element, place);
  }
  for (const element of old.values()) element.remove();
  while (place !== null) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
  parent.matched = now;
}

function fill(element, props, children) {
  set(element, props);
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}
