import { computed, signal } from '@preact/signals';
import { en } from './en.ts';
import { tr } from './tr.ts';

export const languages = [
  { tag: 'en', name: 'English' },
  { tag: 'tr', name: 'Türkçe' },
] as const;
export type Language = (typeof languages)[number]['tag'];

const storageKey = 'framekeep.language';

function firstLanguage(): Language {
  const chosen = localStorage.getItem(storageKey);
  if (chosen === 'en' || chosen === 'tr') return chosen;
  const known = navigator.languages
    .map((tag) => tag.slice(0, 2).toLowerCase())
    .find((tag) => tag === 'en' || tag === 'tr');
  return known === 'tr' ? 'tr' : 'en';
}

/** The language of the console: the person's choice, else the browser's. */
export const language = signal<Language>(firstLanguage());

/** The words of the chosen language; reading it in a component re-renders it when the language changes. */
export const words = computed(() => (language.value === 'tr' ? tr : en));

/** BCP 47 tag for `Intl`: the browser's own region where it speaks the chosen language. */
export const locale = computed(
  () => navigator.languages.find((tag) => tag.toLowerCase().startsWith(language.value)) ?? language.value,
);

export function chooseLanguage(next: Language): void {
  language.value = next;
  localStorage.setItem(storageKey, next);
  document.documentElement.lang = next;
}

document.documentElement.lang = language.peek();
