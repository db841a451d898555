interface SlotsProps {
  used: number;
  slots: number;
  label: string;
}

/** `3 / 12` with a bar. */
export function Slots({ used, slots, label }: SlotsProps) {
  const share = slots === 0 ? 0 : Math.min(1, used / slots);
  return (
    <span
      class="share"
      data-full={share >= 1 && slots > 0}
      data-kind="slots"
      aria-label={`${label}: ${used} / ${slots}`}
    >
      <i style={{ '--part': share }} />
      <b>
        {used} / {slots}
      </b>
    </span>
  );
}
