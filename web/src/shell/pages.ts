// Loading the parts of the console when they are first opened. A part that can't be had while the server is away is
// asked for again; one that is gone because the console was renewed meanwhile makes the browser load the new one.
import { lazy, type ComponentType } from 'react';

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

export const page = (load: () => Promise<Part>) => lazy(() => patient(load));
