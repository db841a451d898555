import { Link } from './link.tsx';

interface TabsProps {
  label: string;
  /** Address and name of each. */
  tabs: readonly { href: string; text: string; current: boolean }[];
}

/** Views of one page, each with an address of its own. */
export function Tabs({ label, tabs }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, text, current }) => (
        <Link key={href} class="tab" href={href} current={current}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
