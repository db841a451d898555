import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon.tsx';

interface ButtonProps extends Omit<JSX.IntrinsicElements['button'], 'icon' | 'children'> {
  kind?: 'primary' | 'plain' | 'danger' | 'quiet';
  icon?: IconName;
  /** What an icon-only button is called. */
  label?: string;
  busy?: boolean;
  children?: ComponentChildren;
}

export function Button({ kind = 'plain', icon, label, busy = false, children, ...rest }: ButtonProps) {
  const shape = children === undefined ? 'button square' : 'button';
  return (
    <button
      type="button"
      {...rest}
      class={`${shape} ${kind}`}
      aria-label={label}
      title={label}
      aria-busy={busy}
      aria-disabled={busy}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children !== undefined && <span>{children}</span>}
    </button>
  );
}
