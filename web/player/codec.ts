/** Asked before anything is loaded, since a decoder that is missing shows only as a failed append. */
export function playsH265(): boolean {
  const type = 'video/mp4; codecs="hvc1.1.6.L120.B0"';
  return typeof MediaSource !== 'undefined' && MediaSource.isTypeSupported(type);
}

/** Whether this names H.265, as playlists and tracks name it. */
export function isH265(codec: string): boolean {
  return /hvc1|hev1/.test(codec);
}
