import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { clockTime, duration } from '../format.ts';
import type { GapPiece } from '../gap-pieces.ts';
import { words } from '../words/index.ts';

interface Card {
  piece: GapPiece;
  anchor: Element;
}

const card = signal<Card | null>(null);

export function showGapCard(piece: GapPiece, anchor: Element): void {
  card.value = { piece, anchor };
}

export function hideGapCard(): void {
  card.value = null;
}

/** `14:02:10 – 14:05:00`. */
export function gapTimes(piece: GapPiece): string {
  const end = piece.open ? words.value.stillOpen : clockTime(piece.endMs);
  return `${clockTime(piece.startMs)} – ${end}`;
}

/** A gap in one sentence, for assistive technology. */
export function gapSentence(piece: GapPiece): string {
  const w = words.value;
  const why = w.noFootageReason(w.reasons[piece.main.reason], w.owners[piece.main.owner]);
  const joined = piece.count > 1 ? ` ${w.gapsJoined(piece.count, duration(piece.lostMs))}.` : '';
  return `${why} ${gapTimes(piece)}, ${duration(piece.lostMs)}.${joined}`;
}

/** Why footage is missing, beside the gap that is pointed at or focused. Stands once in the page. */
export function GapCard() {
  const element = useRef<HTMLDivElement>(null);
  const current = card.value;
  useLayoutEffect(() => {
    const panel = element.current;
    if (panel === null || current === null) return;
    const anchor = current.anchor.getBoundingClientRect();
    const middle = anchor.left + Math.min(anchor.width, innerWidth) / 2 - panel.offsetWidth / 2;
    const above = anchor.top - panel.offsetHeight - 8;
    panel.style.left = `${Math.max(8, Math.min(middle, innerWidth - panel.offsetWidth - 8))}px`;
    panel.style.top = `${above > 8 ? above : anchor.bottom + 8}px`;
  });
  if (current === null) return null;
  const { piece } = current;
  const w = words.value;
  return (
    <div ref={element} class="gap-card" aria-hidden="true">
      <p class="gap-card-reason">
        <i class="swatch" data-owner={piece.main.owner} />
        {w.reasons[piece.main.reason]}
      </p>
      <dl>
        <dt>{w.from}</dt>
        <dd>{gapTimes(piece)}</dd>
        <dt>{w.length}</dt>
        <dd>{piece.count > 1 ? w.gapsJoined(piece.count, duration(piece.lostMs)) : duration(piece.lostMs)}</dd>
        <dt>{w.owner}</dt>
        <dd>{w.owners[piece.main.owner]}</dd>
        {piece.main.attempts !== null && <dt>{w.attempts}</dt>}
        {piece.main.attempts !== null && <dd>{piece.main.attempts}</dd>}
      </dl>
      {piece.main.lastError !== null && <code>{piece.main.lastError}</code>}
    </div>
  );
}
