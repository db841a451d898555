import type { Loader, LoaderCallbacks, LoaderStats, PlaylistLoaderConstructor, PlaylistLoaderContext } from 'hls.js';
import type { Answer } from '../api.ts';
import type { LoadedPlaylist } from './playlist.ts';

/** What hls.js gets its playlists from. */
export interface PlaylistSource {
  /** The next reading of the playlist; for an open range it comes once there is more footage. */
  next(signal: AbortSignal): Promise<Answer<LoadedPlaylist>>;
}

const timing = () => ({ start: 0, first: 0, end: 0 });
const emptyStats = (): LoaderStats => ({
  aborted: false,
  loaded: 0,
  retry: 0,
  total: 0,
  chunkCount: 0,
  bwEstimate: 0,
  loading: timing(),
  parsing: { start: 0, end: 0 },
  buffering: timing(),
});

/** hls.js wants a class to make its playlist loaders from; this one reads through our own API client. */
export function playlistLoaderFor(source: PlaylistSource): PlaylistLoaderConstructor {
  class PlaylistLoader implements Loader<PlaylistLoaderContext> {
    context: PlaylistLoaderContext | null = null;
    stats = emptyStats();
    private readonly aborting = new AbortController();

    load(context: PlaylistLoaderContext, _config: unknown, callbacks: LoaderCallbacks<PlaylistLoaderContext>): void {
      this.context = context;
      this.stats.loading.start = performance.now();
      void source.next(this.aborting.signal).then((answer) => {
        if (answer.kind === 'aborted' || this.aborting.signal.aborted) return;
        const now = performance.now();
        this.stats.loading.first = now;
        this.stats.loading.end = now;
        if (answer.kind === 'problem') {
          const { status, code } = answer.problem;
          callbacks.onError({ code: status, text: code }, context, null, this.stats);
          return;
        }
        const { text } = answer.value;
        this.stats.loaded = text.length;
        this.stats.total = text.length;
        callbacks.onSuccess({ url: context.url, data: text }, this.stats, context, null);
      });
    }

    abort(): void {
      this.stats.aborted = true;
      this.aborting.abort();
    }

    destroy(): void {
      this.abort();
    }
  }
  return PlaylistLoader;
}
