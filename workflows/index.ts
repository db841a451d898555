export { cameraWorkflow } from './camera.ts';
export { deleteTenant } from './delete-tenant.ts';
export { ensureCameras } from './ensure-cameras.ts';
export { collectObjects } from './collect-objects.ts';
export { feedFinishJobs } from './feed-finish-jobs.ts';
export { sweepRetention } from './sweep-retention.ts';
export { rollUpCoverage } from './roll-up-coverage.ts';
export { lifecycleUpkeep } from './lifecycle-upkeep.ts';
