import { useEffect } from 'preact/hooks';
import type { Player } from './player-state.ts';
import { rateBeside } from './rates.ts';

interface KeyActions {
  move: (byMs: number) => void;
  goTo: () => void;
  full: () => void;
}

/** Typing is typing, and a focused button is pressed by its own keys. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector('dialog[open]') !== null) return true;
  if (target?.closest('input, select, textarea, [contenteditable]') != null) return true;
  return event.key === ' ' && target?.closest('button, a, summary') != null;
}

/** Space play, J/L rate, arrows 5 s (Shift 60), comma and full stop a frame, G go to, M sound, F full screen. */
export function usePlayerKeys(player: Player | null, actions: KeyActions): void {
  useEffect(() => {
    if (player === null) return undefined;
    const press = (event: KeyboardEvent) => {
      if (isTaken(event)) return;
      const farMs = event.shiftKey ? 60_000 : 5_000;
      const does: Record<string, (() => void) | undefined> = {
        ' ': () => player.toggle(),
        j: () => player.setRate(rateBeside(player.rate.peek(), -1)),
        l: () => player.setRate(rateBeside(player.rate.peek(), 1)),
        arrowleft: () => actions.move(-farMs),
        arrowright: () => actions.move(farMs),
        ',': () => player.step(-1),
        '.': () => player.step(1),
        g: actions.goTo,
        m: () => player.toggleSound(),
        f: actions.full,
      };
      const act = does[event.key.toLowerCase()];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  });
}
