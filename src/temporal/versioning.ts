import type { WorkerOptions } from '@temporalio/worker'

/**
 * What makes a worker one of a build: a drill ends on the build that it began with, whatever is deployed meanwhile. Such a worker gets
 * nothing to do until its build is made the current one. Without a version a drill goes on by replay on whatever code there is.
 */
export function versioningOf (version: { deployment: string, build: string } | undefined): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (!version) return {}
  return {
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName: version.deployment, buildId: version.build },
      defaultVersioningBehavior: 'PINNED',
    },
  }
}
