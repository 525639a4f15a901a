/** Prometheus' text format, as far as the agent needs it. */
export type Metric = {
  name: string;
  help: string;
  type: "gauge" | "counter";
  values: { labels?: Record<string, string>; value: number }[];
};

export function exposition(metrics: Metric[]): string {
  return metrics
    .map(({ name, help, type, values }) => {
      const lines = values.map(({ labels = {}, value }) => `${name}${labelled(labels)} ${value}`);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
    })
    .join("");
}

function labelled(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) =>
      `${key}="${value.replace(/[\\"\n]/g, (it) => (it === "\n" ? "\\n" : `\\${it}`))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
