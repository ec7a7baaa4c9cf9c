/** export_onnx_none: stands in for export_onnx.c where configure found no protobuf-c. */
#include "base/status.h"
#include "heddle.h"

heddle_status heddle_model_export_onnx(const heddle_model *model, const char *path,
                                       const heddle_export_options *options, heddle_error *err)
{
    (void)model;
    (void)options;
    return status_set(err, HEDDLE_E_UNSUPPORTED,
                      "cannot write '%s': built without ONNX; make deps, then make", path);
}
