import type { ComponentChildren } from 'preact';
import { navigate } from '../router.ts';

interface LinkProps {
  href: string;
  class?: string;
  /** What a link without text is called. */
  label?: string;
  current?: boolean;
  children?: ComponentChildren;
}

/** A link within the console: a real link for every other way of opening it (new tab, copy). */
export function Link({ href, class: className, label, current = false, children }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(href);
  };
  return (
    <a
      href={href}
      class={className}
      aria-label={label}
      title={label}
      aria-current={current ? 'page' : undefined}
      onClick={follow}
    >
      {children}
    </a>
  );
}
