import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

interface MenuProps {
  label: string;
  /** What the button shows beside its icon; without it the label is only for assistive technology. */
  text?: ComponentChildren;
  icon: IconName;
  className?: string;
  children: ComponentChildren;
}

/** A button with a popover of actions; the browser closes it on Escape, on a click elsewhere and on choosing. */
export function Menu({ label, text, icon, className = 'button square quiet', children }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const entries = () => [...(list.current?.querySelectorAll<HTMLElement>('button, a') ?? [])];

  const place = (open: boolean) => {
    const panel = list.current;
    const anchor = button.current?.getBoundingClientRect();
    if (!open || panel === null || anchor === undefined) return;
    const { offsetWidth, offsetHeight } = panel;
    const below = anchor.bottom + 4 + offsetHeight <= innerHeight;
    panel.style.top = `${below ? anchor.bottom + 4 : Math.max(8, anchor.top - 4 - offsetHeight)}px`;
    panel.style.left = `${Math.max(8, Math.min(anchor.right - offsetWidth, innerWidth - offsetWidth - 8))}px`;
    entries()[0]?.focus();
  };
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const all = entries();
    const at = all.findIndex((entry) => entry === document.activeElement);
    all[(at + step + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={className}
        popovertarget={id}
        aria-label={label}
        title={text === undefined ? label : undefined}
      >
        <Icon name={icon} />
        {text !== undefined && <span>{text}</span>}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        class="menu"
        role="group"
        aria-label={label}
        onToggle={(event) => place(event.newState === 'open')}
        onKeyDown={move}
        onClick={(event) => {
          if (event.target instanceof Element && event.target.closest('[data-keep-open]') === null) {
            list.current?.hidePopover();
          }
        }}
      >
        {children}
      </div>
    </>
  );
}

interface MenuItemProps {
  onChoose: () => void;
  danger?: boolean;
  children: ComponentChildren;
}

export function MenuItem({ onChoose, danger = false, children }: MenuItemProps) {
  return (
    <button type="button" class={danger ? 'menu-item danger' : 'menu-item'} onClick={onChoose}>
      {children}
    </button>
  );
}
