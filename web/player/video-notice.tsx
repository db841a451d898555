import { useEffect } from 'preact/hooks';
import { Button } from '../parts/button.tsx';
import { announce } from '../parts/toast.tsx';
import { words } from '../words/index.ts';
import type { Player } from './player-state.ts';

interface NoticeProps {
  player: Player;
  onRetry: () => void;
}

/** What stands over the picture: why there is none, or that it is on its way. */
export function VideoNotice({ player, onRetry }: NoticeProps) {
  const w = words.value;
  const phase = player.phase.value;
  const nothing = phase === 'empty' && player.range.value === null;
  const text = {
    empty: nothing ? w.noFootageAtAll : w.noFootageAround,
    'no-h265': w.noH265,
    failed: w.playFailed,
    loading: null,
    ready: null,
  }[phase];
  useEffect(() => {
    if (text !== null) announce(text);
  }, [text]);
  if (text !== null) {
    return (
      <div class="video-notice">
        <p>{text}</p>
        {phase === 'no-h265' && <p class="muted">{w.noH265Hint}</p>}
        {phase === 'failed' && player.failure.value !== null && (
          <p class="muted">
            <small>{w.code(player.failure.value)}</small>
          </p>
        )}
        {phase === 'failed' && <Button onClick={onRetry}>{w.retry}</Button>}
      </div>
    );
  }
  if (phase === 'loading' || player.waiting.value) {
    const atEdge = phase === 'ready' && player.following.value;
    return (
      <div class="video-wait" role="status">
        <i class="spinner" />
        {atEdge && <span>{w.waitingForFootage}</span>}
        {!atEdge && <span class="visually-hidden">{w.loading}</span>}
      </div>
    );
  }
  return null;
}
