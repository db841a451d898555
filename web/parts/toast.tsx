import { signal } from '@preact/signals';

interface Message {
  id: number;
  text: string;
}

const shown = signal<Message[]>([]);
const spoken = signal('');
let lastId = 0;

/** Long enough to read two lines. */
const shownForMs = 5_000;

/** Says something to assistive technology without showing it. */
export function announce(text: string): void {
  spoken.value = text;
}

/** Shows and says that something was done. */
export function toast(text: string): void {
  const id = ++lastId;
  shown.value = [...shown.value.slice(-2), { id, text }];
  announce(text);
  setTimeout(() => {
    shown.value = shown.value.filter((message) => message.id !== id);
  }, shownForMs);
}

/** Stands once in the page: the toasts, and the one live region everything is said through. */
export function Toasts() {
  return (
    <>
      <div class="toasts" aria-hidden="true">
        {shown.value.map((message) => (
          <div key={message.id} class="toast">
            {message.text}
          </div>
        ))}
      </div>
      <div class="visually-hidden" role="status" aria-live="polite">
        {spoken.value}
      </div>
    </>
  );
}
