/** hls.js's light build has the types of the full one, but no declaration of its own. */
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
