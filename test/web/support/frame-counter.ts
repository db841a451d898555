import type { Page } from 'playwright-core';

/** Runs in the page: the frame counter of the picture the video shows; null when it shows none. */
const readCounter = `(() => {
  const video = document.querySelector('video');
  if (!video || video.videoWidth === 0 || video.readyState < 2) return null;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const level = (square) => context.getImageData(square * 16 + 8, 8, 1, 1).data[1];
  if (level(0) < 160 || level(1) > 96) return null;
  let counter = 0;
  for (let bit = 0; bit < 16; bit += 1) if (level(2 + bit) > 128) counter += 2 ** bit;
  return counter;
})()`;

/** The counter of the frame that is shown, and the wall time the console says it has. */
export async function shownFrame(page: Page): Promise<{ counter: number | null; wallMs: number | null }> {
  const counter = await page.evaluate<number | null>(readCounter);
  const wall = await page.locator('.wall-clock').getAttribute('data-wall');
  return { counter, wallMs: wall === null ? null : Number(wall) };
}
