/** The longest line kept: a process that writes without line ends must not fill the memory. */
const maxLineLength = 8192;

/** Splits chunks of text into lines, each given to `onLine` without its end; the rest comes with `end()`. */
export function createLineSplitter(onLine: (line: string) => void): { push(chunk: string): void; end(): void } {
  let rest = '';
  const emit = (line: string): void => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text !== '') onLine(text.slice(0, maxLineLength));
  };
  return {
    push(chunk) {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, maxLineLength);
      for (const line of lines) emit(line);
    },
    end() {
      emit(rest);
      rest = '';
    },
  };
}
