/** framekeep's mark: a frame that keeps a strip of time, its gap included. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M7 13V9.5A2.5 2.5 0 0 1 9.5 7H13M19 7h3.5A2.5 2.5 0 0 1 25 9.5V13M7 19v3.5A2.5 2.5 0 0 0 9.5 25H13M25 19v3.5a2.5 2.5 0 0 1-2.5 2.5H19" />
      <path class="mark-strip" d="M11 16h5.5M20.5 16h.01" />
    </svg>
  );
}
