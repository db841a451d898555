import { useEffect, useState } from 'preact/hooks';
import { fleet } from '../fleet.ts';
import { clockTime } from '../format.ts';
import { words } from '../words/index.ts';

/** Says when the data cannot be renewed, and from when it is; the page below keeps its place. */
export function OfflineBar() {
  const w = words.value;
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    window.addEventListener('online', look);
    window.addEventListener('offline', look);
    return () => {
      window.removeEventListener('online', look);
      window.removeEventListener('offline', look);
    };
  }, []);
  const { asOfMs, problem } = fleet.value;
  if (asOfMs === null || (online && problem === null)) return null;
  const time = clockTime(asOfMs);
  return (
    <div class="offline-bar" role="alert">
      {online ? w.serverAway(time) : w.offlineSince(time)}
    </div>
  );
}
