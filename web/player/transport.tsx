import { Button } from '../parts/button.tsx';
import { clockTime, dayName, zoneOffset } from '../format.ts';
import { locale, words } from '../words/index.ts';
import type { Player } from './player-state.ts';
import { rates } from './rates.ts';

interface TransportProps {
  player: Player;
  onMove: (byMs: number) => void;
  onGoTo: () => void;
  onLatest: () => void;
  onFull: () => void;
}

/** The controls, and the wall clock of the picture that is shown. */
export function Transport({ player, onMove, onGoTo, onLatest, onFull }: TransportProps) {
  const w = words.value;
  const paused = player.paused.value;
  const sound = player.sound.value;
  const rate = player.rate.value;
  return (
    <div class="transport" role="group" aria-label={w.video}>
      <div class="transport-row">
        <WallClock player={player} />
        <div class="transport-main">
          <Button kind="quiet" label={w.back5} onClick={() => onMove(-5000)}>
            −5 {w.units.s}
          </Button>
          <Button kind="quiet" icon="frameBack" label={w.previousFrame} onClick={() => player.step(-1)} />
          <Button
            kind="primary"
            icon={paused ? 'play' : 'pause'}
            label={paused ? w.playVideo : w.pauseVideo}
            onClick={() => player.toggle()}
          />
          <Button kind="quiet" icon="frameForward" label={w.nextFrame} onClick={() => player.step(1)} />
          <Button kind="quiet" label={w.forward5} onClick={() => onMove(5000)}>
            +5 {w.units.s}
          </Button>
        </div>
        <div class="transport-rest">
          <select
            class="speed"
            aria-label={w.speed}
            title={w.speed}
            value={String(rate)}
            onChange={(event) => player.setRate(Number(event.currentTarget.value))}
          >
            {rates.map((one) => (
              <option key={one} value={String(one)}>
                {one.toLocaleString(locale.value)}×
              </option>
            ))}
          </select>
          <Button icon="clock" label={w.goToTitle} onClick={onGoTo}>
            {w.goTo}
          </Button>
          <Button icon="latest" label={w.toLatest} onClick={onLatest} aria-pressed={player.following.value}>
            {w.latest}
          </Button>
          {sound !== 'none' && (
            <Button
              kind="quiet"
              icon={sound === 'on' ? 'sound' : 'mute'}
              label={sound === 'on' ? w.mute : w.sound}
              onClick={() => player.toggleSound()}
            />
          )}
          <Button kind="quiet" icon="full" label={w.fullScreen} onClick={onFull} />
        </div>
      </div>
    </div>
  );
}

/** `14:20:05 +03`, with tenths while the picture stands. */
function WallClock({ player }: { player: Player }) {
  const wallMs = player.wallMs.value;
  if (wallMs === null) return <div class="wall-clock" />;
  return (
    <div class="wall-clock" data-wall={Math.round(wallMs)}>
      <time dateTime={new Date(wallMs).toISOString()}>
        {clockTime(wallMs, player.paused.value)}
        <small>{zoneOffset(wallMs)}</small>
      </time>
      <span>{dayName(wallMs)}</span>
    </div>
  );
}
