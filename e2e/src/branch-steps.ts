/** Two instances of a project, and a dashboard whose chart is saved on the first of them. */
import { randomUUID } from "node:crypto";
import type { Client } from "@quern/contract/client";
import { createDashboard } from "@quern/contract/dashboards";
import { openInstanceDatasource } from "@quern/contract/instances";
import { createJob, readJob } from "@quern/contract/jobs";
import { listProjects } from "@quern/contract/projects";
import { createQuery } from "@quern/contract/queries";
import { createVisualization } from "@quern/contract/visualizations";

/** Starts an instance of the only project, and makes it a datasource. */
export async function makeBranch(
  client: Client,
  name: string,
): Promise<{ instance: string; datasource: string }> {
  const { items } = await client.call(listProjects, { query: {} });
  const request_id = randomUUID();
  const { job_id } = await client.call(createJob, {
    body: { request_id, project_id: items[0]!.id, type: "instance", instance: { name, ttl: 600 } },
  });
  for (;;) {
    const job = await client.call(readJob, { params: { id: job_id }, query: { wait: 20 } });
    if (job.status === "failed" || job.status === "canceled")
      throw new Error(`the instance ${name} did not start: ${JSON.stringify(job.error)}`);
    if (job.status !== "completed") continue;
    const instance = job.instance!.id;
    const opened = await client.call(openInstanceDatasource, { params: { id: instance } });
    return { instance, datasource: opened.datasource_id };
  }
}

/** A dashboard of one tile, which shows the rows of a new query. */
export async function makeChartedDashboard(
  client: Client,
  datasource_id: string,
  { name, sql }: { name: string; sql: string },
): Promise<string> {
  const query = await client.call(createQuery, { body: { name, datasource_id, sql, params: [] } });
  const chart = await client.call(createVisualization, {
    body: {
      query_id: query.id,
      name,
      config: {
        ...{ type: "table", x: null, y: [], series: null, stacked: false, horizontal: false },
      },
    },
  });
  const place = { x: 0, y: 0, width: 12, height: 8 };
  const { id } = await client.call(createDashboard, {
    body: {
      name,
      tiles: [
        {
          ...{ id: randomUUID(), type: "visualization", title: null, place, bindings: {} },
          ...{ visualization_id: chart.id, click: null },
        },
      ],
    },
  });
  return id;
}
