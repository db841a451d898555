import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icon.tsx';

interface EmptyProps {
  icon: IconName;
  text: string;
  hint?: string;
  children?: ComponentChildren;
}

/** Nothing is here: a sentence that says so, and the button that changes it. */
export function Empty({ icon, text, hint, children }: EmptyProps) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} />
      </span>
      <p class="empty-text">{text}</p>
      {hint !== undefined && <p class="empty-hint">{hint}</p>}
      {children}
    </div>
  );
}
