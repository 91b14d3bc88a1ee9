/** How large the page is drawn, as browsers step it. */
const STEPS = [0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4];

/** The item of the page's storage that keeps the zoom for the next window. */
const KEPT = "zoom";

/** The zoom so many steps further, as far as there are any; 0 steps lead back to 1. */
export function zoomed(zoom: number, steps: number): number {
  if (steps === 0) return 1;
  const at = STEPS.indexOf(zoom);
  return STEPS[Math.min(Math.max(at + steps, 0), STEPS.length - 1)] ?? 1;
}

/** The zoom of the window before this one. */
export function keptZoom(): number {
  const zoom = Number(localStorage.getItem(KEPT));
  return STEPS.includes(zoom) ? zoom : 1;
}

/** Keeps the zoom for the window after this one. */
export function keepZoom(zoom: number): void {
  localStorage.setItem(KEPT, String(zoom));
}
