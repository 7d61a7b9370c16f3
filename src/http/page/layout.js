// Where the states of a machine stand and how its edges run. Pure: numbers in, numbers out.
//
// Phases are boxes. Those of the usual life stand in columns, left to right, as far apart as the longest way forward
// between them; Error and Terminating, to which nearly every state has an edge, stand in a row below.

const NODE = { width: 160, height: 34, gap: 30 };
const BOX = { pad: 14, head: 26, gap: 64 };
const BELOW = ["Error", "Terminating"];
const ROW_GAP = 84;
/** Room above for the edges that lead back. */
const TOP = 48;
const MARGIN = 44;

/** Boxes, nodes and edges of a graph of the API, with their places, and the size of the whole. */
export function layout(graph) {
  const phases = [...new Set(graph.states.map((state) => state.phase))];
  const phaseOf = new Map(graph.states.map((state) => [state.path, state.phase]));
  const life = phases.filter((phase) => !BELOW.includes(phase));
  const rank = ranks(life, graph.edges, phaseOf);
  const boxes = [];

  const columns = [];
  for (const phase of life) (columns[rank.get(phase)] ??= []).push(phase);
  const statesOf = (phase) => graph.states.filter((state) => state.phase === phase);
  const heightOf = (count) => BOX.head + BOX.pad + count * NODE.height + (count - 1) * NODE.gap;
  const columnHeight = (column) => column.reduce((sum, phase) => sum + heightOf(statesOf(phase).length), 0) + (column.length - 1) * BOX.gap / 2;
  const tallest = Math.max(...columns.map(columnHeight));
  const width = NODE.width + 2 * BOX.pad;
  columns.forEach((column, index) => {
    let y = TOP + (tallest - columnHeight(column)) / 2;
    for (const [place, phase] of column.entries()) {
      const height = heightOf(statesOf(phase).length);
      boxes.push({ phase, row: 0, column: index, x: MARGIN + index * (width + BOX.gap), y, width, height, states: statesOf(phase), across: false, top: place === 0, bottom: place === column.length - 1 });
      y += height + BOX.gap / 2;
    }
  });
  const below = phases.filter((phase) => BELOW.includes(phase));
  const acrossOf = (phase) => statesOf(phase).length * (NODE.width + NODE.gap) - NODE.gap + 2 * BOX.pad;
  const belowWidth = below.reduce((sum, phase) => sum + acrossOf(phase) + BOX.gap, -BOX.gap);
  let x = MARGIN + Math.max(0, (columns.length * (width + BOX.gap) - BOX.gap - belowWidth) / 2);
  for (const phase of below) {
    const states = statesOf(phase);
    const across = acrossOf(phase);
    boxes.push({ phase, row: 1, column: 0, x, y: TOP + tallest + ROW_GAP, width: across, height: heightOf(1), states, across: true, top: true, bottom: true });
    x += across + BOX.gap;
  }

  const nodes = new Map();
  for (const box of boxes) {
    box.states.forEach((state, index) => {
      const step = index * ((box.across ? NODE.width : NODE.height) + NODE.gap);
      const [dx, dy] = box.across ? [step, 0] : [0, step];
      nodes.set(state.path, { state, box, x: box.x + BOX.pad + dx, y: box.y + BOX.head + dy, width: NODE.width, height: NODE.height });
    });
  }
  const size = {
    width: Math.max(...boxes.map((box) => box.x + box.width)) + MARGIN,
    height: Math.max(...boxes.map((box) => box.y + box.height)) + MARGIN + (boxes.some((box) => box.row) ? 16 : 0),
  };
  return { boxes, nodes: [...nodes.values()], edges: routed(graph.edges, nodes), size };
}

/** Columns: the longest way forward. Forward is the order in which a machine lists its phases. */
function ranks(life, edges, phaseOf) {
  const rank = new Map(life.map((phase) => [phase, 0]));
  for (const [index, phase] of life.entries()) {
    const before = life.slice(0, index).filter((earlier) => edges.some((edge) => phaseOf.get(edge.from) === earlier && phaseOf.get(edge.to) === phase));
    rank.set(phase, Math.max(0, ...before.map((earlier) => rank.get(earlier) + 1)));
  }
  return rank;
}

/** Every edge with its curve. Edges that share a side of a node are spread over it, in the order of their other ends. */
function routed(edges, nodes) {
  const plans = edges.map((edge) => plan(edge, nodes.get(edge.from), nodes.get(edge.to)));
  const sides = new Map();
  for (const [index, { ends }] of plans.entries()) {
    ends.forEach(({ node, side }, which) => {
      const key = `${node.state.path} ${side}`;
      sides.set(key, [...(sides.get(key) ?? []), { index, which, other: ends[1 - which].node }]);
    });
  }
  for (const [key, list] of sides) {
    const vertical = key.endsWith("left") || key.endsWith("right");
    list.sort((a, b) => (vertical ? a.other.y - b.other.y : a.other.x - b.other.x) || a.which - b.which);
    list.forEach(({ index, which }, place) => (plans[index].ends[which].at = (place + 1) / (list.length + 1)));
  }
  return plans.map(({ edge, ends, lift }) => ({ ...edge, d: curve(ends[0], ends[1], lift) }));
}

function plan(edge, from, to) {
  const ends = (one, other) => [{ node: from, side: one, at: 0.5 }, { node: to, side: other, at: 0.5 }];
  if (from === to) return { edge, ends: ends("right", "top"), lift: 26 };
  // Nothing of its column stands above it, or below it.
  const first = ({ box, state }) => box.top && (box.across || box.states[0] === state);
  const last = ({ box, state }) => box.bottom && (box.across || box.states.at(-1) === state);
  const towards = (node, other) => (node.x + node.width / 2 < other.x + other.width / 2 ? "right" : "left");
  if (from.box.row < to.box.row) return { edge, ends: ends(last(from) ? "bottom" : towards(from, to), "top") };
  if (from.box.row > to.box.row) return { edge, ends: ends("top", last(to) ? "bottom" : towards(to, from)) };
  if (from.box.row === 1) return { edge, ends: ends("bottom", "bottom"), lift: 34 };
  const columns = to.box.column - from.box.column;
  if (columns === 1) return { edge, ends: ends("right", "left") };
  if (columns === -1) return { edge, ends: ends("left", "right") };
  // Over the columns between, and over the boxes of the way there.
  if (columns) return { edge, ends: ends(first(from) ? "top" : towards(from, to), first(to) ? "top" : towards(to, from)), lift: 40 + Math.abs(columns) * 14 };
  const adjacent = Math.abs(from.y - to.y) === NODE.height + NODE.gap;
  if (adjacent && from.y < to.y) return { edge, ends: ends("bottom", "top") };
  return from.y < to.y ? { edge, ends: ends("right", "right"), lift: 30 } : { edge, ends: ends("left", "left"), lift: 30 };
}

function point({ node, side, at }) {
  if (side === "left" || side === "right") return [node.x + (side === "right" ? node.width : 0), node.y + node.height * at];
  return [node.x + node.width * at, node.y + (side === "bottom" ? node.height : 0)];
}

const OUT = { left: [-1, 0], right: [1, 0], top: [0, -1], bottom: [0, 1] };

/** A cubic curve that leaves and arrives at right angles. */
function curve(start, end, lift) {
  const [[x1, y1], [x2, y2]] = [point(start), point(end)];
  const reach = lift ?? Math.min(Math.hypot(x2 - x1, y2 - y1) / 2.4, 130);
  const control = ([x, y], side) => [x + OUT[side][0] * reach, y + OUT[side][1] * reach];
  const [[c1, d1], [c2, d2]] = [control([x1, y1], start.side), control([x2, y2], end.side)];
  return `M${[x1, y1]} C${[c1, d1]} ${[c2, d2]} ${[x2, y2]}`;
}
