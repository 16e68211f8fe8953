// The end of all work: Node emits `beforeExit` when its event loop is empty, and goes on if a listener gives it something to do.
let listener;

/** Calls `action` once when nothing is left to do. One action at a time; the last one set counts. */
export function whenIdle(action) {
  listener = action;
}

export function forgetIdle() {
  listener = undefined;
}

process.on('beforeExit', () => {
  const action = listener;
  listener = undefined;
  if (action) setImmediate(action);
});
