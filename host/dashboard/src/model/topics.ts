// Topics and patterns: `*` is one token, a final `>` the rest.

/** Whether some topic could match both. */
export function overlap(left: string, right: string): boolean {
  const [a, b] = [left.split("."), right.split(".")];
  for (let at = 0; ; at++) {
    const [x, y] = [a[at], b[at]];
    if (x === undefined || y === undefined) return x === y;
    if (x === ">" || y === ">") return true;
    if (x !== y && x !== "*" && y !== "*") return false;
  }
}
