// Questions about what somebody is typing: asked when the keys rest, and only the last one counts.

/**
 * Runs `run` after so many milliseconds, unless what this returns was called before. `run` is told by `isCurrent`
 * whether it has been called since: an answer that comes later than the next question is no answer any more.
 */
export function afterRest(ms: number, run: (isCurrent: () => boolean) => Promise<void>): () => void {
  let current = true;
  const timer = setTimeout(() => void run(() => current), ms);
  return () => {
    current = false;
    clearTimeout(timer);
  };
}
