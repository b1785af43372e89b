/**
 * Figures and names as people read them.
 *
 * @module
 */

/** The first digits of an identity, a key id or a ceremony id. */
export function short(id) {
  return String(id).slice(0, 8);
}

/** A length of time, in its two largest units: `3 d 4 h`, `12 s`, `250 ms`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "";
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = Math.floor(ms / 1_000);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor(s / 3_600) % 24} h`;
}

/** How long ago something was. */
export function ago(ms) {
  if (!Number.isFinite(ms)) return "never";
  return ms < 1_500 ? "just now" : `${duration(ms)} ago`;
}

/** A round trip: three digits at the most. */
export function trip(ms) {
  if (!Number.isFinite(ms)) return "";
  if (ms < 0.95) return "<1 ms";
  return ms < 9.95 ? `${Number(ms.toFixed(1))} ms` : duration(ms);
}

/** A number of bytes. */
export function bytes(n) {
  if (!Number.isFinite(n)) return "";
  if (n < 1_000) return `${n} B`;
  if (n < 1_000_000) return `${(n / 1_000).toFixed(n < 10_000 ? 1 : 0)} kB`;
  return `${(n / 1_000_000).toFixed(n < 10_000_000 ? 1 : 0)} MB`;
}

/** A count with its noun. */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

/** A point in time, in the reader's own zone. */
export function moment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  return at.toLocaleString(undefined, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** What a ceremony is called. */
export function kindName(kind) {
  return { keygen: "Key generation", sign: "Signature", reshare: "Resharing" }[kind] ?? kind;
}

/** `2 of 3`: how many members of a committee it takes. */
export function quorum(threshold, committee) {
  return `${threshold + 1} of ${committee.length}`;
}

/** A text no longer than `most`, its middle left out. */
export function middle(text, most) {
  const s = String(text);
  if (s.length <= most) return s;
  const half = Math.floor((most - 1) / 2);
  return `${s.slice(0, most - 1 - half)}…${s.slice(s.length - half)}`;
}
