import { useRef, useState } from 'preact/hooks';
import type { GapPiece } from '../gap-pieces.ts';
import { gapSentence, hideGapCard, showGapCard } from './gap-card.tsx';

interface GapBarProps {
  fromMs: number;
  toMs: number;
  footage: { startMs: number; endMs: number } | null;
  pieces: GapPiece[];
  label: string;
  onChoose: (atMs: number) => void;
}

/**
 * A bar of time: footage, and each gap in its owner's colour and pattern with its reason on hover and focus.
 * One tab stop; arrow keys go from gap to gap.
 */
export function GapBar({ fromMs, toMs, footage, pieces, label, onChoose }: GapBarProps) {
  const bar = useRef<HTMLDivElement>(null);
  const [stop, setStop] = useState(0);
  const place = (startMs: number, endMs: number) => {
    const percent = (ms: number) => `${((ms / (toMs - fromMs)) * 100).toFixed(3)}%`;
    return { left: percent(startMs - fromMs), width: percent(endMs - startMs) };
  };
  const go = (event: KeyboardEvent, at: number) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const next = at + step;
    if (step === 0 || next < 0 || next >= pieces.length) return;
    event.preventDefault();
    event.stopPropagation();
    setStop(next);
    bar.current?.querySelectorAll('button')[next]?.focus();
  };
  const choose = (event: MouseEvent) => {
    const box = bar.current?.getBoundingClientRect();
    if (box !== undefined) onChoose(fromMs + ((event.clientX - box.left) / box.width) * (toMs - fromMs));
  };
  return (
    <div ref={bar} class="gap-bar" role="group" aria-label={label} onClick={choose}>
      {footage !== null && <i class="footage" style={place(footage.startMs, footage.endMs)} />}
      {pieces.map((piece, at) => (
        <button
          key={piece.startMs}
          type="button"
          class="gap"
          data-owner={piece.main.owner}
          data-reason={piece.main.reason}
          style={place(piece.startMs, piece.endMs)}
          tabIndex={at === Math.min(stop, pieces.length - 1) ? 0 : -1}
          aria-label={gapSentence(piece)}
          onMouseEnter={(event) => showGapCard(piece, event.currentTarget)}
          onMouseLeave={hideGapCard}
          onFocus={(event) => showGapCard(piece, event.currentTarget)}
          onBlur={hideGapCard}
          onKeyDown={(event) => go(event, at)}
          onClick={(event) => {
            event.stopPropagation();
            // A finger has no hover: its tap shows the reason instead of leaving the page.
            if (event instanceof PointerEvent && event.pointerType === 'touch') {
              showGapCard(piece, event.currentTarget);
            } else {
              hideGapCard();
              onChoose(piece.startMs);
            }
          }}
        />
      ))}
    </div>
  );
}
