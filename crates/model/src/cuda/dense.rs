//! cuBLAS' products of row-major matrices that lie side by side in memory, the same bits each time.

use std::ffi::c_void;

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::cublas::sys::{
    cublasComputeType_t as Compute, cublasGemmAlgo_t as Algorithm, cublasMath_t as MathMode,
    cublasOperation_t as Operation, cublasSetMathMode, cublasSetWorkspace_v2, cudaDataType_t as DataType,
};
use candle_core::cuda_backend::cudarc::cublas::{CudaBlas, result};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut, DevicePtr, DevicePtrMut};
use candle_core::{Error, Result};

use super::check;
use super::real::Real;

/// Bytes that cuBLAS works in, as its documentation advises for the newest cards. With room of its own a handle gives
/// the same bits each time, and asks for none while a graph is captured.
const SPACE: usize = 32 << 20;

/// A stored number that cuBLAS takes.
pub(crate) trait Multiplied: Real {
    /// Its name there.
    const DATA: DataType;

    /// How it is multiplied and added up; `rounds`: factors of f32 may be rounded to ten bits.
    fn compute(_rounds: bool) -> Compute {
        Compute::CUBLAS_COMPUTE_32F
    }
}

impl Multiplied for f32 {
    const DATA: DataType = DataType::CUDA_R_32F;

    fn compute(rounds: bool) -> Compute {
        match rounds {
            true => Compute::CUBLAS_COMPUTE_32F_FAST_TF32,
            false => Compute::CUBLAS_COMPUTE_32F,
        }
    }
}

impl Multiplied for half::bf16 {
    const DATA: DataType = DataType::CUDA_R_16BF;
}

/// A handle with room to work in.
pub(crate) struct Products {
    blas: CudaBlas,
    rounds: bool,
    _space: CudaSlice<u8>,
}

/// The sizes of a dense layer's batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dense {
    pub(crate) batch: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

/// A matrix as cuBLAS sees it: by columns, so that ours are turned over.
struct Matrix {
    operation: Operation,
    place: u64,
    /// Numbers from one of our rows to the next.
    row: usize,
}

impl Products {
    /// A handle on the stream of a device. `rounds`: factors of f32 may be rounded to ten bits.
    ///
    /// # Errors
    /// If cuBLAS gives none.
    pub(crate) fn new(device: &CudaDevice, rounds: bool) -> Result<Self> {
        let stream = device.cuda_stream();
        let blas = CudaBlas::new(stream.clone()).map_err(Error::wrap)?;
        let whole_sums = MathMode::CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
        // SAFETY: the handle is one. Without this, parts of a sum of bf16 may be added up as bf16.
        unsafe { cublasSetMathMode(*blas.handle(), whole_sums) }.result().map_err(Error::wrap)?;
        // SAFETY: cuBLAS writes what it reads of it.
        let mut space = unsafe { device.alloc::<u8>(SPACE)? };
        {
            let (place, _guard) = space.device_ptr_mut(&stream);
            // SAFETY: the room is as long as said and lives as long as the handle.
            unsafe { cublasSetWorkspace_v2(*blas.handle(), place as *mut c_void, SPACE) }
                .result()
                .map_err(Error::wrap)?;
        }
        Ok(Self { blas, rounds, _space: space })
    }

    /// `y (B, OUT)` = `x (B, IN)` `w (IN, OUT)`.
    pub(crate) fn forward<R: Multiplied>(
        &self,
        device: &CudaDevice,
        sizes: Dense,
        x: &CudaView<'_, R>,
        w: &CudaView<'_, R>,
        y: &mut CudaViewMut<'_, R>,
    ) -> Result<()> {
        sizes.check([x.len(), w.len(), y.len()])?;
        let Dense { batch, inputs, outputs } = sizes;
        let stream = device.cuda_stream();
        let ((x, _x), (w, _w), (y, _y)) =
            (x.device_ptr(&stream), w.device_ptr(&stream), y.device_ptr_mut(&stream));
        // By columns: y' = w' x'.
        self.product::<R>([outputs, batch, inputs], [plain(w, outputs), plain(x, inputs)], y)
    }

    /// `dx (B, IN)` = `dy (B, OUT)` `w'`.
    pub(crate) fn backward_input<R: Multiplied>(
        &self,
        device: &CudaDevice,
        sizes: Dense,
        dx: &mut CudaViewMut<'_, R>,
        w: &CudaView<'_, R>,
        dy: &CudaView<'_, R>,
    ) -> Result<()> {
        sizes.check([dx.len(), w.len(), dy.len()])?;
        let Dense { batch, inputs, outputs } = sizes;
        let stream = device.cuda_stream();
        let ((dx, _dx), (w, _w), (dy, _dy)) =
            (dx.device_ptr_mut(&stream), w.device_ptr(&stream), dy.device_ptr(&stream));
        // By columns: dx' = w dy'.
        self.product::<R>([inputs, batch, outputs], [turned(w, outputs), plain(dy, outputs)], dx)
    }

    /// `dw (IN, OUT)` = `x'` `dy (B, OUT)`.
    pub(crate) fn backward_weights<R: Multiplied>(
        &self,
        device: &CudaDevice,
        sizes: Dense,
        x: &CudaView<'_, R>,
        dw: &mut CudaViewMut<'_, R>,
        dy: &CudaView<'_, R>,
    ) -> Result<()> {
        sizes.check([x.len(), dw.len(), dy.len()])?;
        let Dense { batch, inputs, outputs } = sizes;
        let stream = device.cuda_stream();
        let ((x, _x), (dw, _dw), (dy, _dy)) =
            (x.device_ptr(&stream), dw.device_ptr_mut(&stream), dy.device_ptr(&stream));
        // By columns: dw' = dy' x.
        self.product::<R>([outputs, inputs, batch], [plain(dy, outputs), turned(x, inputs)], dw)
    }

    /// `c (M, N)` = `a (M, K)` `b (K, N)`, by columns; `c` lies without gaps.
    fn product<R: Multiplied>(&self, [m, n, k]: [usize; 3], [a, b]: [Matrix; 2], c: u64) -> Result<()> {
        let whole = |size: usize| {
            i32::try_from(size).map_err(|_| Error::Msg(format!("a size of {size} is more than cuBLAS takes")))
        };
        let (one, zero) = (1f32, 0f32);
        // SAFETY: the matrices have the sizes that the functions above have checked, and the factors are f32, as all
        // these ways of computing want them.
        unsafe {
            result::gemm_ex(
                *self.blas.handle(),
                a.operation,
                b.operation,
                whole(m)?,
                whole(n)?,
                whole(k)?,
                (&raw const one).cast::<c_void>(),
                a.place as *const c_void,
                R::DATA,
                whole(a.row)?,
                b.place as *const c_void,
                R::DATA,
                whole(b.row)?,
                (&raw const zero).cast::<c_void>(),
                c as *mut c_void,
                R::DATA,
                whole(m)?,
                R::compute(self.rounds),
                Algorithm::CUBLAS_GEMM_DEFAULT,
            )
        }
        .map_err(Error::wrap)
    }
}

impl Dense {
    /// That input, weights and output have as many numbers as they should.
    fn check(self, found: [usize; 3]) -> Result<()> {
        let Self { batch, inputs, outputs } = self;
        let expected = [batch * inputs, inputs * outputs, batch * outputs];
        let names = ["the layer's input", "the layer's weights", "the layer's output"];
        for ((found, expected), name) in found.into_iter().zip(expected).zip(names) {
            check(name, found, expected)?;
        }
        Ok(())
    }
}

fn plain(place: u64, row: usize) -> Matrix {
    Matrix { operation: Operation::CUBLAS_OP_N, place, row }
}

fn turned(place: u64, row: usize) -> Matrix {
    Matrix { operation: Operation::CUBLAS_OP_T, place, row }
}
