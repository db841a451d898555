export { cameraWorkflow } from './camera.ts';
export { ensureCameras } from './ensure-cameras.ts';
