/** The known word nearest to a mistyped one, if it is near enough to be meant. */
export function suggestWord(typed: string, known: Iterable<string>): string | undefined {
  const distanceMax = Math.max(1, Math.floor(typed.length / 3));
  let best: { word: string; distance: number } | undefined;
  for (const word of known) {
    const distance = editDistance(typed.toLowerCase(), word.toLowerCase());
    if (distance <= distanceMax && (best === undefined || distance < best.distance)) best = { word, distance };
  }
  return best?.word;
}

/** Words for a message: `did you mean "x"?`, else all known ones. */
export function suggestion(typed: string, known: Iterable<string>): string {
  const words = [...known];
  const nearest = suggestWord(typed, words);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  return words.length === 0 ? "none is declared" : `known: ${words.join(", ")}`;
}

/** Levenshtein distance, where two letters that changed places count once. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current[column] = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforePrevious[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
