/** The last picture of a video, kept in front of it while the next one loads. */
export function createStill(video: HTMLVideoElement, canvas: HTMLCanvasElement): { keep(): void; drop(): void } {
  return {
    keep() {
      if (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext('2d')?.drawImage(video, 0, 0);
      canvas.hidden = false;
    },
    drop() {
      canvas.hidden = true;
    },
  };
}
