// Loading the parts of the console when they are first opened. A part that can't be had while the server is away is
// asked for again; one that is gone because the console was renewed meanwhile makes the browser load the new one.
import { createElement, lazy, useState, type ComponentType } from 'react';

const AGAIN_MS = 2000;
const RENEWED = 'yundesk.renewed';

type Part = { default: ComponentType };

async function serverAnswers(): Promise<boolean> {
  try {
    return (await fetch('/', { cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}

async function patient(load: () => Promise<Part>): Promise<Part> {
  for (;;) {
    try {
      const part = await load();
      sessionStorage.removeItem(RENEWED);
      return part;
    } catch (error) {
      if (await serverAnswers()) {
        // Once only: a part that is broken in the new console too is an error.
        if (sessionStorage.getItem(RENEWED)) throw error;
        sessionStorage.setItem(RENEWED, 'yes');
        window.location.reload();
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/**
 * A page that is loaded when it is first shown, or before by its `ahead`; what was loaded ahead is shown at once, without
 * the moment of waiting that React's lazy() has even then.
 */
export function page(load: () => Promise<Part>) {
  let loaded: ComponentType | undefined;
  const ahead = async () => {
    const part = await load();
    loaded = part.default;
    return part;
  };
  const Lazy = lazy(() => patient(ahead));
  function Shown() {
    const [Part] = useState<ComponentType>(() => loaded ?? Lazy); // for good: another one would begin anew
    return createElement(Part);
  }
  return Object.assign(Shown, { ahead });
}

const IDLE_MS = 200;

/** Calls back when the browser has nothing else to do; Safari can't tell and gets a moment instead. */
export function whenIdle(then: () => void): void {
  if ('requestIdleCallback' in window) window.requestIdleCallback(() => then());
  else setTimeout(then, IDLE_MS);
}
