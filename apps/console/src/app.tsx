import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { getInfo, type Info } from "./api.ts";
import { useLoaded } from "./hooks.ts";
import { MetricsPage } from "./metrics/metrics-page.tsx";
import { KeyDialog } from "./page/key-dialog.tsx";
import { Problem } from "./page/problem.tsx";
import { RankPage } from "./rank/rank-page.tsx";
import { SharePage } from "./share/share-page.tsx";

const pages = { rank: "Rank", metrics: "Live metrics", share: "LLM share" } as const;
type Page = keyof typeof pages;

/** The whole page. */
export function App(): JSX.Element {
  const { value: info, error } = useLoaded(getInfo);
  const page = usePage();
  const main = useRef<HTMLElement>(null);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header>
        <h1>corella</h1>
        <nav aria-label="Pages">
          {Object.entries(pages).map(([name, title]) => (
            <a key={name} href={`#${name}`} aria-current={name === page ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {info !== undefined && <Served info={info} />}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Problem error={error} />
        {info !== undefined && (
          <>
            <div hidden={page !== "rank"}>
              <RankPage info={info} />
            </div>
            <div hidden={page !== "metrics"}>
              <MetricsPage info={info} active={page === "metrics"} />
            </div>
            <div hidden={page !== "share"}>
              <SharePage info={info} active={page === "share"} />
            </div>
          </>
        )}
      </main>
      <KeyDialog />
    </>
  );
}

function Served({ info }: { readonly info: Info }): JSX.Element {
  const { bundle, models } = info;
  return (
    <p class="served-bundle">
      {bundle.name} <span class="detail">{bundle.version}</span>
      <span class="models">
        {models.crm !== undefined && <span class="badge crm">{models.crm}</span>}
        {models.llm !== undefined && <span class="badge llm">{models.llm}</span>}
      </span>
    </p>
  );
}

/** The page that the address names. */
function usePage(): Page {
  const read = (): Page => {
    const name = location.hash.slice(1);
    return name in pages ? (name as Page) : "rank";
  };
  const [page, setPage] = useState(read);
  useEffect(() => {
    const change = (): void => setPage(read());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return page;
}
