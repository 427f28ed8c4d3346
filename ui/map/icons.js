// Toolbar pictures: 20 × 20, one stroke width, in the colour of the text.
const icon = (path) =>
  `<svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" ` +
  `stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`;

const ICONS = {
  pan: icon('<path d="M10 2.5v15M2.5 10h15M10 2.5 8 4.5m2-2 2 2M10 17.5l-2-2m2 2 2-2M2.5 10l2-2m-2 2 2 2M17.5 10l-2-2m2 2-2 2"/>'),
  lasso: icon('<path d="M10 3c4.2 0 7.5 2.2 7.5 5S14.2 13 10 13c-1.2 0-2.4-.2-3.4-.5"/><path d="M10 3C5.8 3 2.5 5.2 2.5 8c0 1.7 1.2 3.2 3 4.1"/><circle cx="6" cy="13.5" r="1.7"/><path d="M5.5 15.2c0 1 .5 1.8 1.5 2.3"/>'),
  box: icon('<rect x="3" y="4" width="14" height="12" rx="1" stroke-dasharray="2.6 2.6"/>'),
  closer: icon('<circle cx="8.5" cy="8.5" r="5.5"/><path d="m13 13 4 4M8.5 6v5M6 8.5h5"/>'),
  farther: icon('<circle cx="8.5" cy="8.5" r="5.5"/><path d="m13 13 4 4M6 8.5h5"/>'),
  fit: icon('<path d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4"/><circle cx="10" cy="10" r="1.5"/>'),
  clear: icon('<path d="m5 5 10 10M15 5 5 15"/>'),
};
