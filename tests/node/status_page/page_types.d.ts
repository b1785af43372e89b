/** Types of the page's plain JavaScript, as far as tests call it. */
interface Place {
  id: string;
  x: number;
  y: number;
  angle: number;
  ring: number;
  radius: number;
}
export function layout(
  self: string,
  ids: readonly string[],
  links: readonly { a: string; b: string; session: boolean }[],
  narrow?: boolean,
): { few: boolean; radii: number[]; nodes: Map<string, Place> };
export function linkPath(a: Place, b: Place): string;
