import { chooseLanguage, language, languages, words } from '../words/index.ts';

/** The languages, each in its own words. */
export function LanguageChoice() {
  return (
    <div class="languages" role="group" aria-label={words.value.language} data-keep-open>
      {languages.map(({ tag: one, name }) => (
        <button
          key={one}
          type="button"
          lang={one}
          aria-pressed={language.value === one}
          onClick={() => chooseLanguage(one)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
