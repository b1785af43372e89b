/**
 * The files of the status page, as texts inside the program: nothing is read from the disk.
 *
 * @module
 */

import app from "./assets/app.js" with { type: "text" };
import ceremonies from "./assets/ceremonies.js" with { type: "text" };
import dom from "./assets/dom.js" with { type: "text" };
import format from "./assets/format.js" with { type: "text" };
import graph from "./assets/graph.js" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import index from "./assets/index.html" with { type: "text" };
import layout from "./assets/layout.js" with { type: "text" };
import overview from "./assets/overview.js" with { type: "text" };
import style from "./assets/style.css" with { type: "text" };
import tables from "./assets/tables.js" with { type: "text" };

/** A file that is served as it is. */
export interface Asset {
  readonly text: string;
  readonly type: string;
}

const script = (text: string): Asset => ({ text, type: "text/javascript; charset=utf-8" });

/** All files by the path under which they are served. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map<string, Asset>([
  ["/status", { text: index, type: "text/html; charset=utf-8" }],
  ["/status/style.css", { text: style, type: "text/css; charset=utf-8" }],
  ["/status/icon.svg", { text: icon, type: "image/svg+xml; charset=utf-8" }],
  ["/status/app.js", script(app)],
  ["/status/ceremonies.js", script(ceremonies)],
  ["/status/dom.js", script(dom)],
  ["/status/format.js", script(format)],
  ["/status/graph.js", script(graph)],
  ["/status/layout.js", script(layout)],
  ["/status/overview.js", script(overview)],
  ["/status/tables.js", script(tables)],
]);
