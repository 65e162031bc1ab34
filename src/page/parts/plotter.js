/** Draws lines or stacked areas over time, and marks of deploys. Touches the page's canvas. */
import uPlot from '../library/uplot.js';
import { lonely } from './lonely.js';

const heightPx = 176;
const axisWidthPx = 62;
const markPx = 5;
/** Of a value without another beside it, of which no line can be drawn. */
const pointPx = 5;

/**
 * @typedef {import('./plot.js').Line} Line
 * @typedef {import('./plot.js').Mark} Mark
 */

export class Plotter {
  /** @type {uPlot} */ #plot;
  /** @type {HTMLElement} */ #place;
  /** @type {readonly Mark[]} */ #marks = [];
  #isStacked;
  #isWide;
  #spanS;
  /** @type {ResizeObserver} */ #sizes;
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  #make;

  /**
   * @param {HTMLElement} place
   * @param {{ lines: readonly Line[], show: (value: number) => string, isStacked: boolean,
   *   isWide: boolean, spanS: number, onPoint: (at: number | null) => void }} given
   */
  constructor(place, { lines, show, isStacked, isWide, spanS, onPoint }) {
    this.#place = place;
    this.#isStacked = isStacked;
    this.#isWide = isWide;
    this.#spanS = spanS;
    this.#make = () => {
      const options = this.#options(lines, show, onPoint);
      return new uPlot(options, [[], ...lines.map(() => [])], place);
    };
    this.#plot = this.#make();
    this.#sizes = new ResizeObserver(() => {
      this.#plot.setSize({ width: place.clientWidth, height: heightPx });
    });
    this.#sizes.observe(place);
    this.#scheme.addEventListener('change', this.#repaint);
  }

  /**
   * @param {readonly number[]} times
   * @param {readonly Line[]} lines
   * @param {readonly Mark[]} marks
   */
  draw(times, lines, marks) {
    this.#marks = marks;
    const values = lines.map((line) => line.values);
    const columns = this.#isStacked ? stack(values).reverse() : values;
    this.#plot.setData(/** @type {uPlot.AlignedData} */ ([times, ...columns]));
  }

  close() {
    this.#scheme.removeEventListener('change', this.#repaint);
    this.#sizes.disconnect();
    this.#plot.destroy();
  }

  /** Colours are read when a plot is made. */
  #repaint = () => {
    const { data } = this.#plot;
    this.#plot.destroy();
    this.#plot = this.#make();
    this.#plot.setData(data);
  };

  /**
   * @param {readonly Line[]} lines
   * @param {(value: number) => string} show
   * @param {(at: number | null) => void} onPoint
   * @returns {uPlot.Options}
   */
  #options(lines, show, onPoint) {
    const styles = getComputedStyle(document.documentElement);
    const paint = (/** @type {string} */ name) => styles.getPropertyValue(`--${name}`).trim();
    const line = (/** @type {Line} */ { color, label }) => ({
      ...{ label, stroke: paint(color), width: this.#isStacked ? 0 : 1.5 },
      ...{ points: this.#isStacked ? { show: false } : points(paint(color)), spanGaps: false },
      ...(this.#isStacked ? { fill: paint(color) } : {}),
    });
    // Stacks are drawn from the top down: each covers what is below it.
    const drawn = this.#isStacked ? lines.map(line).reverse() : lines.map(line);
    const values = (/** @type {uPlot} */ _plot, /** @type {number[]} */ at) => at.map(show);
    const axis = {
      stroke: paint('muted'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: paint('line'), width: 1 },
      ticks: { show: false },
    };
    return {
      width: this.#place.clientWidth,
      height: heightPx,
      // The last time of day stands half to the right of the plot.
      padding: [10, 28, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !this.#isStacked } },
      scales: {
        // The newest is always at the right edge: nothing moves but with time itself.
        x: { time: true, range: (_plot, from, to) => timeRange(this.#spanS, from, to) },
        y: this.#isWide ? decades : { range: (_plot, _low, high) => [0, niceTop(high)] },
      },
      series: [{}, ...drawn],
      axes: [
        { ...axis, size: 28, space: 70, values: (_plot, at) => at.map(timeOfDay) },
        {
          ...axis,
          size: axisWidthPx,
          space: 36,
          ...(this.#isWide ? atDecades(show, paint('line')) : { values }),
        },
      ],
      hooks: {
        setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)],
        draw: [(plot) => drawMarks(plot, this.#marks, { good: paint('mark'), bad: paint('bad') })],
      },
    };
  }
}

/** @param {string} fill @returns {uPlot.Series.Points} */
function points(fill) {
  const filter = (/** @type {uPlot} */ plot, /** @type {number} */ line) =>
    lonely(plot.data[line] ?? []);
  return { show: false, size: pointPx, width: 0, fill, filter };
}

/**
 * So much of time as there is something of, but never so little that each step is a leap.
 *
 * @param {number} spanS @param {number | null} from @param {number | null} to
 * @returns {[number, number]}
 */
function timeRange(spanS, from, to) {
  const end = to ?? spanS;
  const start = Math.min(from ?? 0, end - spanS / 5);
  return [Math.max(start, end - spanS), end];
}

/** From a power of ten to another: a slow one in a hundred leaves the others to be seen. */
const decades = /** @type {uPlot.Scale} */ ({
  distr: 3,
  log: 10,
  range: (_plot, low, high) => {
    const bottom = low === null || low <= 0 ? 0.1 : 10 ** Math.floor(Math.log10(low));
    const top = high === null || high <= 0 ? 10 : 10 ** Math.ceil(Math.log10(high * 1.01));
    return [bottom, Math.max(top, bottom * 10)];
  },
});

/**
 * Lines and words at powers of ten alone.
 *
 * @param {(value: number) => string} show @param {string} stroke @returns {Partial<uPlot.Axis>}
 */
function atDecades(show, stroke) {
  const isDecade = (/** @type {number} */ value) => Number.isInteger(Math.log10(value));
  const filter = (/** @type {uPlot} */ _plot, /** @type {number[]} */ at) =>
    at.map((value) => (isDecade(value) ? value : null));
  return {
    filter,
    grid: { stroke, width: 1, filter },
    values: (_plot, at) => at.map((value) => (value === null ? '' : show(value))),
  };
}

/** Room above the highest; 1 where there is nothing. @param {number | null} high */
function niceTop(high) {
  return high === null || high <= 0 ? 1 : high * 1.12;
}

/** @param {number} seconds */
function timeOfDay(seconds) {
  return new Date(seconds * 1e3).toLocaleTimeString('en-GB');
}

/** Each upon those before it. @param {readonly (readonly (number | null)[])[]} columns */
export function stack(columns) {
  /** @type {number[]} */
  let below = [];
  return columns.map((values) => {
    below = values.map((value, at) => (value ?? 0) + (below[at] ?? 0));
    return below;
  });
}

/**
 * A line from top to bottom; what was refused has a cross at its head, not only another colour.
 *
 * @param {uPlot} plot
 * @param {readonly Mark[]} marks
 * @param {{ good: string, bad: string }} paint
 */
function drawMarks(plot, marks, paint) {
  const { ctx, bbox } = plot;
  const size = markPx * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  for (const { at, isBad } of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = isBad ? paint.bad : paint.good;
    ctx.fillStyle = ctx.strokeStyle;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.beginPath();
    if (isBad) {
      ctx.moveTo(x - size, bbox.top - size);
      ctx.lineTo(x + size, bbox.top + size);
      ctx.moveTo(x + size, bbox.top - size);
      ctx.lineTo(x - size, bbox.top + size);
      ctx.stroke();
    } else {
      ctx.moveTo(x - size, bbox.top - size);
      ctx.lineTo(x + size, bbox.top - size);
      ctx.lineTo(x, bbox.top + size);
      ctx.fill();
    }
  }
  ctx.restore();
}
